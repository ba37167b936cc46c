/** The first start of a fresh clone: what compiling took is on disk, not in what serves. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startPlatform } from './harness/start-platform.ts'

/** Modules of daemon, proxy and command line; there are some 250. */
const modulesAtLeast = 150

test('the first start fills the compile cache before anything stays', async () => {
  const base = await mkdtemp(join(tmpdir(), 'viaduct-first-'))
  await chmod(base, 0o711)
  const cache = join(base, 'compile')
  try {
    await using _ = await startPlatform({ proxies: 1, env: { VIADUCT_COMPILE_CACHE: cache } })
    // Processes that stay write theirs seconds later.
    const entries = await readdir(cache, { recursive: true })
    assert.ok(entries.length >= modulesAtLeast, `There are ${entries.length}`)
  } finally {
    await rm(base, { recursive: true })
  }
})
