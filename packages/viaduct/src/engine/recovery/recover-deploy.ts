/** A deploy that was being built when the daemon ended: built again from its upload, or failed. */
import { access, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../../model/app-error.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { recordFailure } from '../steps/fail-deploy.ts'
import { queueBuild } from '../builds/build-release.ts'

/** Call it in the runner's turn. One that was starting is the planner's affair. */
export async function recoverDeploy(runner: AppRunner): Promise<void> {
  const { deploy } = runner.records
  if (deploy === null || deploy.release !== null) return
  const { upload, source } = deploy
  const isFetched = source?.kind === 'git'
  if (isFetched || (upload && (await exists(upload.path)))) return queueBuild(runner, deploy)
  await recordFailure(runner, deploy.id, {
    code: 'cancelled',
    message: 'The platform was restarted while this was building, and the upload is gone',
    hint: 'Deploy again.',
    data: {},
  })
}

/** Removes uploads that no deploy waits for: their clients are gone. */
export async function removeLostUploads(
  folder: string,
  runners: Iterable<AppRunner>,
): Promise<void> {
  const needed = new Set([...runners].map(({ records }) => records.deploy?.upload?.path))
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    if (!needed.has(path)) await rm(path, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}
