/** Takes an app away: its route first, then its instances, then everything of it on disk. */
import { rm } from 'node:fs/promises'
import { removeTree } from '../../build/seal-tree.ts'
import { drainTimeoutMs, stopTimeoutMs } from '../../model/limits.ts'
import { AppError } from '../../model/app-error.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownerOf, timeoutsOf } from '../app/make-setup.ts'
import { cancel } from './cancel.ts'

/** Resolves when nothing is left. @throws {AppError} `busy` when an instance does not end. */
export async function destroy(runner: AppRunner): Promise<void> {
  const { records, parts } = runner
  await runner.ask(async () => {
    if (records.app.deploy) await cancel(runner, records.app.deploy)
    await records.commit({ app: { ...records.app, destroying: true } })
  })
  await nothingLeft(runner)
  await parts.claims.settlePorts()
  await runner[Symbol.asyncDispose]()
  const layout = parts.layout.app(records.name)
  await removeTree(layout.root, ownerOf(records.app))
  await rm(layout.logs, { recursive: true, force: true })
  // The records last: a daemon that is killed before finds the app, and goes on.
  await records.remove()
}

/** Drained, stopped, exited and forgotten, within the sum of the app's own limits. */
async function nothingLeft(runner: AppRunner): Promise<void> {
  const limits = runner.records.releases().map(timeoutsOf)
  const longest = Math.max(0, ...limits.map((one) => one.drainTimeoutMs + one.stopTimeoutMs))
  const timeoutMs = longest + drainTimeoutMs + stopTimeoutMs
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const isEmpty = (): boolean => runner.instances.size === 0 && runner.route === null
  const unwatch = runner.onChange(() => {
    if (isEmpty()) resolve()
    else if (runner.isClosed) reject(new AppError('busy', 'The next start goes on with it'))
  })
  const timer = setTimeout(() => {
    reject(new AppError('busy', `Instances of ${runner.records.name} do not end`))
  }, timeoutMs)
  try {
    if (isEmpty()) return
    await promise
  } finally {
    clearTimeout(timer)
    unwatch()
  }
}
