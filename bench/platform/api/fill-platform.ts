/** Apps with many tiny processes, so that what the API shows is worth reading. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Platform } from '../../../test/e2e/harness/start-platform.ts'

const perApp = 10

/** Deploys apps until so many instances run. @returns The names of the apps. */
export async function fillPlatform(
  platform: Platform,
  { instances }: { instances: number },
): Promise<string[]> {
  const archive = await packApp('worker: exec sleep 1000000\n', {
    routes: [],
    scale: { worker: perApp },
    timeouts: { minUptimeMs: 0, stopTimeoutMs: 100 },
  })
  const names = Array.from({ length: Math.ceil(instances / perApp) }, (_, i) => `sleeper-${i}`)
  for (const name of names) {
    await platform.client.deploys.create(name, archive, { wait: 'ready' })
  }
  return names
}

/** An app of a Procfile and a manifest. */
export async function packApp(procfile: string, manifest: object): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-bench-'))
  try {
    await writeFile(join(folder, 'Procfile'), procfile)
    await writeFile(join(folder, 'viaduct.json'), JSON.stringify(manifest))
    const options = { encoding: 'buffer' } as const
    return (await promisify(execFile)('tar', ['-czf', '-', '-C', folder, '.'], options)).stdout
  } finally {
    await rm(folder, { recursive: true })
  }
}
