/** Deploys an app of test/fixtures/apps over the API, and waits for how it ends. */
import { AppError } from '../../packages/viaduct/src/model/app-error.ts'
import { copyFixture } from '../../test/e2e/harness/fixture-app.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'

export interface DeployEnd {
  /** `succeeded`, or the code of the error that it failed with. */
  readonly end: string
  /** From the first byte of the upload to the answer. */
  readonly tookMs: number
}

/** @param options.version Goes into version.txt, so that each release has another artifact. */
export async function deployFixture(
  platform: Platform,
  options: { app: string; fixture: string; version: string },
): Promise<DeployEnd> {
  await using folder = await copyFixture(options.fixture, { 'version.txt': options.version })
  const archive = await folder.pack()
  const begun = performance.now()
  const end = await endOf(() => {
    return platform.client.deploys.create(options.app, new Uint8Array(archive), { wait: 'ready' })
  })
  return { end, tookMs: performance.now() - begun }
}

/** @returns The state of the deploy, or the code of its error. */
export async function endOf(change: () => Promise<{ readonly state: string }>): Promise<string> {
  try {
    return (await change()).state
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}
