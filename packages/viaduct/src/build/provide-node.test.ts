import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, copyFile, lstat, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { provideNode } from './provide-node.ts'

async function makeFolders(t: TestContext): Promise<{ hidden: string; place: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-node-'))
  t.after(() => rm(dir, { recursive: true }))
  await chmod(dir, 0o711)
  const hidden = join(dir, 'home')
  await mkdir(hidden, { mode: 0o700 })
  return { hidden, place: join(dir, 'node') }
}

test('a node that everybody can run is used where it is', async (t) => {
  const { place } = await makeFolders(t)
  const folder = await provideNode({ node: '/bin/sh', place, forOtherUsers: true })
  assert.equal(folder, '/bin')
})

test('a node in a closed home directory is put where other users can run it', async (t) => {
  const { hidden, place } = await makeFolders(t)
  const node = join(hidden, 'node')
  await copyFile('/bin/true', node)
  await chmod(node, 0o755)
  const folder = await provideNode({ node, place, forOtherUsers: true })
  assert.ok(folder.startsWith(place))
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  execFileSync(join(folder, 'node'), { ...asNobody, stdio: 'ignore' })
  const before = await lstat(join(folder, 'node'))
  await provideNode({ node, place, forOtherUsers: true })
  assert.equal((await lstat(join(folder, 'node'))).ino, before.ino)
})

test('as a plain user nothing is put anywhere', async (t) => {
  const { hidden, place } = await makeFolders(t)
  const node = join(hidden, 'node')
  assert.equal(await provideNode({ node, place, forOtherUsers: false }), hidden)
  await assert.rejects(lstat(place), { code: 'ENOENT' })
})
