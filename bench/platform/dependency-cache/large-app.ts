/**
 * An app with a `node_modules` of 300 MB, from a registry on loopback that has packages made here:
 * 100 of them, each with 200 files of 15 kB. One more is for the build only.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  startRegistry,
  type TestPackage,
  type TestRegistry,
} from '../../../packages/viaduct/src/build/builders/node/fixtures/test-registry.ts'
import type { FixtureApp } from '../../../test/e2e/harness/fixture-app.ts'

const packagesCount = 100
const filesPerPackage = 200
const fileBytes = 15_000

const server = `require('node:http')
  .createServer((_, response) => response.end('ok'))
  .listen(process.env.PORT, process.env.HOST)
`

export function startLargeRegistry(): Promise<TestRegistry> {
  const own = Array.from({ length: packagesCount }, (_, at) => largePackage(`large-${at}`))
  return startRegistry([...own, largePackage('only-for-builds')])
}

function largePackage(name: string): TestPackage {
  const files = Array.from({ length: filesPerPackage }, (_, at): [string, string] => {
    return [`lib/${at % 10}/file-${at}.js`, `// ${name} ${at}\n`.padEnd(fileBytes, `${name} `)]
  })
  return { name, version: '1.0.0', files: Object.fromEntries(files) }
}

/** @param options.builds It has a build script, which does nothing, and a package for that. */
export async function makeLargeApp(
  { url }: TestRegistry,
  { builds }: { builds: boolean },
): Promise<Omit<FixtureApp, 'name'>> {
  const path = await mkdtemp(join(tmpdir(), 'viaduct-large-app-'))
  const names = Array.from({ length: packagesCount }, (_, at) => [`large-${at}`, '1.0.0'])
  const facts = {
    name: builds ? 'large-built' : 'large',
    version: '1.0.0',
    scripts: { start: 'node server.js', ...(builds && { build: 'true' }) },
    dependencies: Object.fromEntries(names),
    ...(builds && { devDependencies: { 'only-for-builds': '1.0.0' } }),
  }
  await writeFile(join(path, 'package.json'), JSON.stringify(facts))
  await writeFile(join(path, 'server.js'), server)
  const lock = ['install', '--package-lock-only', '--no-audit', '--registry', url]
  const run = promisify(execFile)
  await run('npm', [...lock, '--cache', join(path, '.npm')], { cwd: path })
  await rm(join(path, '.npm'), { recursive: true })
  return {
    path,
    write: async (file, text) => writeFile(join(path, file), text ?? ''),
    async pack() {
      const options = { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 } as const
      return (await run('tar', ['-czf', '-', '-C', path, '.'], options)).stdout
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true })
    },
  }
}
