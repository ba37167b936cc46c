/**
 * The app `good`, whose build and boot wait for as long as the test holds them: a deploy is then at
 * a known point. It ignores SIGTERM, so that its stop takes its whole limit.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyFixture, type FixtureApp } from './fixture-app.ts'

export interface GatedApp extends FixtureApp {
  /** A build that is held is one of the code that is uploaded next; boots are held at once. */
  hold(what: 'build' | 'boot'): Promise<void>
  /** Lets everything go on. */
  release(): Promise<void>
}

/** How long an instance takes to stop, at least: SIGKILL ends it. */
const stopTimeoutMs = 1_000

/** @param options.warmReleases Old releases that stay warm. */
export async function makeGatedApp(options: { warmReleases: number }): Promise<GatedApp> {
  const holds = await mkdtemp(join(tmpdir(), 'viaduct-holds-'))
  await chmod(holds, 0o711) // Apps run under other users.
  const wait = (what: string): string => `while [ -e ${holds}/${what} ]; do sleep 0.02; done`
  const manifest = {
    version: 1,
    env: { ON_SIGTERM: 'ignore' },
    scale: { web: 2 },
    warm: { releases: options.warmReleases },
    timeouts: { stopTimeoutMs },
  }
  const app = await copyFixture('good', {
    Procfile: `web: ${wait('boot')}; exec node server.js\n`,
    'viaduct.json': JSON.stringify(manifest),
  })
  return {
    ...app,
    async hold(what) {
      await writeFile(join(holds, what), '')
      const scripts = what === 'build' ? { build: wait(what) } : {}
      await app.write('package.json', JSON.stringify({ name: 'good', type: 'module', scripts }))
    },
    async release() {
      for (const what of ['build', 'boot']) await rm(join(holds, what), { force: true })
    },
    async [Symbol.asyncDispose]() {
      await rm(holds, { recursive: true, force: true })
      await app[Symbol.asyncDispose]()
    },
  }
}
