import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dependencyCachesKept } from '../model/limits.ts'
import { DependencyCache } from './dependency-cache.ts'

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
