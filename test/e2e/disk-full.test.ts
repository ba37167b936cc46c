/** A disk that fills up while an upload is unpacked: said, cleaned up, and the app serves on. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAppName } from '../../packages/viaduct/src/model/ids.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPlatform } from './harness/start-platform.ts'

const skip = process.getuid?.() === 0 ? false : 'NOT ROOT: a small disk cannot be mounted'

test('a disk that is full in the middle of an unpack', { skip }, async () => {
  await using app = await copyFixture('good')
  const disk = await mkdtemp(join(tmpdir(), 'viaduct-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=0711', 'tmpfs', disk])
  try {
    await deployTooMuch(disk, app)
  } finally {
    execFileSync('umount', [disk])
    await rm(disk, { recursive: true })
  }
})

async function deployTooMuch(disk: string, app: Awaited<ReturnType<typeof copyFixture>>) {
  const before = process.env.TMPDIR
  process.env.TMPDIR = disk
  await chmod(disk, 0o711)
  await using platform = await startPlatform({ proxies: 1 }).finally(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  await platform.run('deploy', app.path)
  const { artifacts } = dataLayout(platform.dataDir).app(parseAppName('good'))
  const whole = await readdir(artifacts)

  // Hexadecimal packs to about a half: the upload fits, but not with what is unpacked from it.
  await app.write('large.txt', randomBytes(17_000_000).toString('hex'))
  const { code, stderr } = await platform.cli(['deploy', app.path])
  assert.equal(code, 1, stderr)
  assert.match(stderr, /disk.*full|no space/i)
  assert.match(stderr, /Free space/)
  assert.deepEqual(await readdir(artifacts), whole, 'Nothing is left of the unpack')
  assert.deepEqual(await readdir(dataLayout(platform.dataDir).uploads), [])
  assert.equal((await fetchApp(platform.url('good'))).status, 200)

  await app.write('large.txt', null)
  const fill = 'head -c 60000000 /dev/zero > large.bin'
  await app.write('viaduct.json', JSON.stringify({ install: [fill] }))
  const filled = await platform.cli(['deploy', app.path])
  assert.equal(filled.code, 1, filled.stderr)
  assert.match(filled.stderr, new RegExp(`"${fill}" ended with code 1`))
  assert.match(filled.stderr, /Free space/)
  assert.deepEqual(await readdir(artifacts), whole, 'Nothing is left of the build')
  assert.equal((await fetchApp(platform.url('good'))).status, 200)

  await app.write('viaduct.json', null)
  await app.write('version.txt', 'small again')
  await platform.run('deploy', app.path)
}
