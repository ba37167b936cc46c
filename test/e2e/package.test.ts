/** The package as it is published: packed, installed globally into a prefix, and it works. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { cleanEnvironment, runCommand } from './harness/run-command.ts'
import { startPlatform } from './harness/start-platform.ts'

const root = join(import.meta.dirname, '../..')
const npmTimeoutMs = 180_000

test('npm pack makes a tarball that installs globally and deploys an app', async () => {
  const prefix = await mkdtemp(join(tmpdir(), 'viaduct-prefix-'))
  try {
    const packed = await npm('pack', '-w', 'packages/viaduct', '--pack-destination', prefix)
    const tarball = join(prefix, packed.trim().split('\n').at(-1) ?? '')
    await npm('install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', tarball)
    const schema = join(prefix, 'lib/node_modules/viaduct/dist/viaduct.schema.json')
    assert.equal(
      await readFile(schema, 'utf8'),
      await readFile(join(root, 'docs/viaduct.schema.json'), 'utf8'),
    )
    const command = join(prefix, 'bin/viaduct')
    await using platform = await startPlatform({ command })
    await using app = await copyFixture('good')
    await platform.run('deploy', app.path)
    assert.equal((await fetchApp(platform.url('good'))).body, 'good 1\n')
    assert.match(await platform.run('version'), /\d+\.\d+\.\d+/)
  } finally {
    await rm(prefix, { recursive: true, force: true })
  }
})

async function npm(...words: string[]): Promise<string> {
  const options = { cwd: root, env: cleanEnvironment(), timeoutMs: npmTimeoutMs }
  const { code, stdout, stderr } = await runCommand(['npm', ...words], options)
  assert.equal(code, 0, `npm ${words.join(' ')}:\n${stdout}\n${stderr}`)
  return stdout
}
