/**
 * Instances that accept on a public port themselves: they begin when the routes lead to them, and
 * leave when these do no more. One that got its socket by systemd's protocol accepts from its start
 * to its end; only Node.js apps, by the preload, can be told.
 */
import { copyFile, rename } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { AppError, messageOf } from '../../model/app-error.ts'
import { diskFullOr } from '../../model/disk-full.ts'
import { answerMarginMs, directAnswerMs } from '../../model/limits.ts'
import type { RoutePlan } from '../../plan/setup.ts'
import type { DirectState } from '../../wire/keeper-protocol.ts'
import type { DrainResult } from '../../wire/proxy-protocol.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { timeoutsOf } from '../app/make-setup.ts'

const source = fileURLToPath(new URL('../../../bin/direct-preload.cjs', import.meta.url))

/** As `ReadinessAttempt.result`: it answers on PORT, and cannot accept on the public one. */
export const notDirect = 'not by itself'

/** Puts the preload where the users of apps can read it. @throws {AppError} `disk-full` */
export async function provideDirectPreload(place: string): Promise<void> {
  try {
    await copyFile(source, `${place}.new`)
    await rename(`${place}.new`, place)
  } catch (error) {
    throw diskFullOr(error, 'what Node.js apps load first')
  }
}

/** Resolves when every routed instance accepts, or is about to be replaced. */
export async function acceptDirectly(runner: AppRunner, plan: RoutePlan | null): Promise<void> {
  const instances = (plan?.upstreams ?? []).map((id) => runner.instances.get(id))
  await Promise.all(
    instances.map(async (instance) => {
      if (instance?.direct?.mode !== 'node') return
      const state = await ask(runner, instance, { what: 'accept' })
      if (state?.accepts) return
      replace(runner, instance, state)
    }),
  )
}

/** It has left its port before, or does not answer: another one starts in its place. */
function replace(runner: AppRunner, instance: LiveInstance, state: DirectState | null): void {
  const { id, direct, slot } = instance
  runner.parts.log.error('instance.not-accepting', { instance: id, port: direct?.port, state })
  const release = runner.records.release(slot.release)
  const stopTimeoutMs = release ? timeoutsOf(release).stopTimeoutMs : 0
  runner.background('replace', async () => {
    const timeoutMs = stopTimeoutMs + answerMarginMs
    await runner.parts.keeper.call('stop', { id, stopTimeoutMs }, { timeoutMs })
  })
}

/** True when it can take connections of the public port, as soon as it is told. */
export async function mayAcceptDirectly(
  runner: AppRunner,
  instance: LiveInstance,
): Promise<boolean> {
  return (await ask(runner, instance, { what: 'state' }))?.listens ?? false
}

/** Resolves when its public connections are closed, or time is up. */
export async function leaveDirectly(
  runner: AppRunner,
  instance: LiveInstance,
  drainTimeoutMs: number,
): Promise<DrainResult> {
  if (instance.direct?.mode !== 'node') return { result: 'finished' }
  const question = { what: 'leave', timeoutMs: drainTimeoutMs } as const
  const cut = (await ask(runner, instance, question))?.open ?? 0
  return cut === 0 ? { result: 'finished' } : { result: 'expired', cut }
}

interface Question {
  readonly what: 'state' | 'accept' | 'leave'
  readonly timeoutMs?: number
}

async function ask(
  runner: AppRunner,
  { id }: LiveInstance,
  { what, timeoutMs = directAnswerMs }: Question,
): Promise<DirectState | null> {
  const { keeper, log } = runner.parts
  try {
    const limit = { timeoutMs: timeoutMs + answerMarginMs }
    return await keeper.call('direct', { id, ask: what, timeoutMs }, limit)
  } catch (error) {
    if (error instanceof AppError && error.code === 'not-found') return null
    log.warn('instance.not-asked', { instance: id, ask: what, error: messageOf(error) })
    return null
  }
}
