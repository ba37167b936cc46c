import assert from 'node:assert/strict'
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dependencyCachesKept } from '../model/limits.ts'
import { DependencyCache } from './dependency-cache.ts'
import { removeTree } from './seal-tree.ts'

test('the trees that were used last stay', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-dependency-cache-'))
  const cache = new DependencyCache(join(dir, 'cache'), null)
  const count = dependencyCachesKept + 1
  for (let i = 0; i < count; i++) {
    if (i === count - 1) assert.ok(await cache.restore('0', join(dir, 'used')))
    await mkdir(join(dir, `${i}`))
    await writeFile(join(dir, `${i}`, 'x'), '')
    await cache.take(`${i}`, join(dir, `${i}`))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.deepEqual((await readdir(join(dir, 'cache'))).toSorted(), ['0', '2', '3'])
  await rm(dir, { recursive: true })
})

async function withTree(run: (cache: DependencyCache, dir: string) => Promise<void>) {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-dependency-cache-'))
  try {
    await mkdir(join(dir, 'tree/.prisma'), { recursive: true })
    await writeFile(join(dir, 'tree/shared.js'), 'shared')
    await writeFile(join(dir, 'tree/.prisma/client.js'), 'generated')
    const cache = new DependencyCache(join(dir, 'cache'), null)
    await cache.take('key', join(dir, 'tree'))
    await run(cache, dir)
  } finally {
    await removeTree(dir, null)
  }
}

test('what a release changes of a shared file reaches no later one', async () => {
  await withTree(async (cache, dir) => {
    const first = join(dir, 'first')
    assert.ok(await cache.restore('key', first))
    assert.equal((await stat(join(first, 'shared.js'))).mode & 0o777, 0o444)
    // Without root a script can do that: it runs as the same user.
    await chmod(join(first, 'shared.js'), 0o644)
    await writeFile(join(first, 'shared.js'), 'poison')
    assert.equal(await cache.restore('key', join(dir, 'second')), false)
    await assert.rejects(stat(join(dir, 'second')), { code: 'ENOENT' })
  })
  await withTree(async (cache, dir) => {
    const first = join(dir, 'first')
    assert.ok(await cache.restore('key', first))
    assert.ok(await cache.restore('key', join(dir, 'second')), 'One that nobody changed is gone')
  })
})

test('what tools write anew is a copy, for the app alone', async () => {
  await withTree(async (cache, dir) => {
    const copies = (name: string): boolean => name === '.prisma'
    await cache.restore('key', join(dir, 'first'), { copies })
    await writeFile(join(dir, 'first/.prisma/client.js'), 'of the first')
    await cache.restore('key', join(dir, 'second'), { copies })
    assert.equal(await readFile(join(dir, 'second/.prisma/client.js'), 'utf8'), 'generated')
    const inodes = ['first', 'second'].map(
      async (name) => (await stat(join(dir, name, 'shared.js'))).ino,
    )
    assert.equal(await inodes[0], await inodes[1])
  })
})

test('what only builds need is kept with its tree, and goes with it', async () => {
  await withTree(async (cache) => {
    assert.equal(await cache.pruned('key'), null)
    await cache.notePruned('key', ['a/b', 'new\nline'])
    assert.deepEqual(await cache.pruned('key'), ['a/b', 'new\nline'])
    await cache.notePruned('gone', ['a'])
    assert.equal(await cache.pruned('gone'), null)
  })
})

test('a link in the place of a tree is not taken, and what it leads to stays as it was', async () => {
  await withTree(async (cache, dir) => {
    await mkdir(join(dir, 'elsewhere'), { mode: 0o711 })
    await symlink(join(dir, 'elsewhere'), join(dir, 'link'))
    await cache.take('of-a-link', join(dir, 'link'))
    assert.equal((await stat(join(dir, 'elsewhere'))).mode & 0o777, 0o711)
    assert.equal(await cache.restore('of-a-link', join(dir, 'first')), false)
  })
})
