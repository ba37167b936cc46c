/**
 * Copies of the apps in test/fixtures/apps, to be deployed and changed by a test. An app without a
 * server.js of its own is a variant of `good` and gets its files.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const apps = join(import.meta.dirname, '../../fixtures/apps')
const run = promisify(execFile)

export interface FixtureApp extends AsyncDisposable {
  readonly name: string
  /** Folder to deploy. */
  readonly path: string
  /** Writes (or, with null, removes) a file, e.g. `version.txt`. */
  write(file: string, text: string | null): Promise<void>
  /** A gzipped tar archive of the folder, as the API takes it. */
  pack(): Promise<Buffer>
}

/** @param fixture A folder of test/fixtures/apps. */
export async function copyFixture(
  fixture: string,
  files: Readonly<Record<string, string>> = {},
): Promise<FixtureApp> {
  const base = await mkdtemp(join(tmpdir(), 'viaduct-app-'))
  const path = join(base, fixture)
  const inside = await readdir(join(apps, fixture))
  const variant = !inside.some((file) => /^(server|index|start)\.\w+$/.test(file))
  if (variant) await cp(join(apps, 'good'), path, { recursive: true })
  await cp(join(apps, fixture), path, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text)
  return {
    name: fixture,
    path,
    async write(file, text) {
      if (text === null) await rm(join(path, file), { recursive: true })
      else await writeFile(join(path, file), text)
    },
    async pack() {
      const options = { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 } as const
      return (await run('tar', ['-czf', '-', '-C', path, '.'], options)).stdout
    },
    async [Symbol.asyncDispose]() {
      await rm(base, { recursive: true, force: true })
    },
  }
}
