/**
 * The Debian package: built, looked into, unpacked, and the platform run from it. Installing,
 * upgrading and purging it under systemd is `npm run proof -- debian-package`.
 */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { cleanEnvironment, runCommand } from './harness/run-command.ts'
import { startPlatform } from './harness/start-platform.ts'

const root = join(import.meta.dirname, '../..')
const buildTimeoutMs = 180_000

test('the Debian package holds all it needs, and the platform runs from it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-debian-'))
  try {
    await chmod(folder, 0o755) // The users of apps run what is in it.
    await run([process.execPath, join(root, 'tools/package-deb.ts'), '--quick', folder])
    const [name = ''] = await readdir(folder)
    assert.match(name, /^viaduct_\d+\.\d+\.\d+_(amd64|arm64)\.deb$/)
    const target = join(folder, 'unpacked')
    await run(['dpkg-deb', '-R', join(folder, name), target])
    await lookInto(target)

    await using platform = await startPlatform({ command: join(target, 'usr/bin/viaduct') })
    await using app = await copyFixture('npm-dependency')
    await platform.run('deploy', app.path)
    assert.equal((await fetchApp(platform.url('npm-dependency'))).status, 200)
    assert.match(await platform.run('doctor'), /unpacked\/.*npm-cli\.js/, 'It has its own npm')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

async function lookInto(target: string): Promise<void> {
  const read = (path: string): Promise<string> => readFile(join(target, path), 'utf8')
  const settings = JSON.parse(await read('etc/viaduct/settings.json')) as object
  assert.deepEqual(settings, { dataDir: '/var/lib/viaduct', httpPort: 80 })
  assert.equal(await read('DEBIAN/conffiles'), '/etc/viaduct/settings.json\n')
  for (const script of ['postinst', 'prerm', 'postrm']) {
    assert.equal((await stat(join(target, 'DEBIAN', script))).mode & 0o777, 0o755)
    await run(['sh', '-n', join(target, 'DEBIAN', script)])
  }
  const page = await promisify(gunzip)(
    await readFile(join(target, 'usr/share/man/man1/viaduct.1.gz')),
  )
  for (const command of ['viaduct deploy', 'viaduct config set', 'viaduct up']) {
    assert.ok(page.toString().includes(`.SS ${command}`), `The man page has "${command}"`)
  }
  const completion = await read('usr/share/bash-completion/completions/viaduct')
  assert.match(completion, /rollback/)
  const modules = await readdir(join(target, 'usr/lib/viaduct/node_modules'))
  assert.ok(modules.includes('fastify') && !modules.includes('typescript'), 'No development tools')
}

async function run(command: [string, ...string[]]): Promise<string> {
  const options = { cwd: root, env: cleanEnvironment(), timeoutMs: buildTimeoutMs }
  const { code, stdout, stderr } = await runCommand(command, options)
  assert.equal(code, 0, `${command.join(' ')}:\n${stdout}\n${stderr}`)
  return stdout
}
