/**
 * What every store promises, as tests: called with a way to open an empty one. Promises about
 * files (durability, damage, a second opener) are beside the store that has files.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeValueMaxBytes } from '../model/limits.ts'
import type { Change, Store } from './store.ts'

/** Registers the tests. @param name What is tested, for the test names. */
export function testStore(name: string, openStore: () => Promise<Store>): void {
  testReadsAndWrites(name, openStore)
  testRevisions(name, openStore)
  testWatching(name, openStore)
}

function testReadsAndWrites(name: string, openStore: () => Promise<Store>): void {
  test(`${name}: gives back what was put, as a copy`, async () => {
    await using store = await openStore()
    assert.equal(await store.get('apps/hello'), null)
    const value = { text: 'ü\n"', list: [1, null, true], nested: { a: 1 } }
    const revision = await store.write([{ put: 'apps/hello', value }])
    value.nested.a = 2
    const first = await store.get<typeof value>('apps/hello')
    assert.deepEqual(first, {
      key: 'apps/hello',
      value: { text: 'ü\n"', list: [1, null, true], nested: { a: 1 } },
      revision,
    })
    first.value.nested.a = 3
    assert.equal((await store.get<typeof value>('apps/hello'))!.value.nested.a, 1)
  })

  test(`${name}: lists what is below a prefix, in order, in pages`, async () => {
    await using store = await openStore()
    const keys = ['r/b/2', 'r/a', 'r/b/1', 'r/B', 'r', 'r0/x', 'r-/x', 'ra/x', 'r/b/10']
    await store.write(keys.map((key) => ({ put: key, value: key })))
    const list = async (...args: Parameters<Store['list']>): Promise<string[]> =>
      (await store.list<string>(...args)).map((entry) => entry.value)
    assert.deepEqual(await list('r/'), ['r/B', 'r/a', 'r/b/1', 'r/b/10', 'r/b/2'])
    assert.deepEqual(await list('r/', { limit: 2 }), ['r/B', 'r/a'])
    assert.deepEqual(await list('r/', { after: 'r/a', limit: 2 }), ['r/b/1', 'r/b/10'])
    assert.deepEqual(await list('r/', { after: 'a/z', limit: 1 }), ['r/B'])
    assert.deepEqual(await list('r/', { after: 'z/z' }), [])
    assert.deepEqual(await list('r/b/'), ['r/b/1', 'r/b/10', 'r/b/2'])
    assert.deepEqual(await list('nothing/'), [])
  })

  test(`${name}: deletes, and deleting what is not there changes nothing`, async () => {
    await using store = await openStore()
    await store.write([{ put: 'a/b', value: 1 }])
    const revision = await store.write([{ delete: 'a/b' }])
    assert.equal(await store.get('a/b'), null)
    assert.equal(await store.write([{ delete: 'a/b' }]), revision)
    assert.equal(await store.write([]), revision)
  })

  test(`${name}: refuses bad keys, prefixes and values`, async () => {
    await using store = await openStore()
    for (const key of ['', '/a', 'a/', 'a//b', 'A/b', 'a/b c', 'a/é', 'a/\0', 'a'.repeat(201)]) {
      await assert.rejects(store.get(key), { name: 'AssertionError' }, key)
      await assert.rejects(store.write([{ put: key, value: 1 }]), { name: 'AssertionError' }, key)
    }
    await assert.rejects(store.list('apps'), { name: 'AssertionError' })
    await assert.rejects(store.list('a//'), { name: 'AssertionError' })
    assert.throws(() => store.watch('', () => {}), { name: 'AssertionError' })
    await assert.rejects(store.write([{ put: 'a', value: undefined }]), { name: 'AssertionError' })
    const fits = 'x'.repeat(storeValueMaxBytes - 2)
    await store.write([{ put: 'a', value: fits }])
    await assert.rejects(store.write([{ put: 'a', value: `${fits}x` }]), { code: 'bad-request' })
    // Bytes count, not characters.
    const wide = 'ü'.repeat(storeValueMaxBytes / 2)
    await assert.rejects(store.write([{ put: 'a', value: wide }]), { code: 'bad-request' })
    assert.equal((await store.get('a'))!.value, fits)
  })

  test(`${name}: refuses everything once it is closed, and closes twice`, async () => {
    const store = await openStore()
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    await assert.rejects(store.get('a'), /closed/)
    await assert.rejects(store.write([{ put: 'a', value: 1 }]), /closed/)
  })
}

function testRevisions(name: string, openStore: () => Promise<Store>): void {
  test(`${name}: revisions rise with every write and are never used again`, async () => {
    await using store = await openStore()
    const seen = [
      await store.write([{ put: 'a', value: 1 }]),
      await store.write([{ put: 'b', value: 1 }]),
      await store.write([{ delete: 'b' }]),
      await store.write([{ put: 'b', value: 1 }]),
    ]
    assert.deepEqual(
      seen,
      [...new Set(seen)].toSorted((a, b) => a - b),
    )
    assert.equal((await store.get('b'))!.revision, seen[3])
  })

  test(`${name}: writes only at the revision that was read`, async () => {
    await using store = await openStore()
    const first = await store.write([{ put: 'a', value: 1, revision: 0 }])
    await assert.rejects(store.write([{ put: 'a', value: 2, revision: 0 }]), {
      code: 'revision-conflict',
    })
    const second = await store.write([{ put: 'a', value: 2, revision: first }])
    const late = [{ put: 'a', value: 3, revision: first }] as const
    await assert.rejects(store.write(late), { code: 'revision-conflict' })
    await assert.rejects(store.write([{ delete: 'a', revision: first }]), {
      code: 'revision-conflict',
    })
    await store.write([{ delete: 'a', revision: second }])
    await assert.rejects(store.write([{ put: 'a', value: 3, revision: second }]), {
      code: 'revision-conflict',
    })
    assert.equal(await store.get('a'), null)
  })

  test(`${name}: writes all or nothing`, async () => {
    await using store = await openStore()
    await store.write([{ put: 'a', value: 1 }])
    const changes: Change[] = []
    store.watch('b/', (change) => changes.push(change))
    const writes = [
      { put: 'b/1', value: 1 },
      { delete: 'a' },
      { put: 'c', value: 1, revision: 7 },
    ] as const
    await assert.rejects(store.write(writes), { code: 'revision-conflict' })
    assert.equal((await store.get('a'))!.value, 1)
    assert.equal(await store.get('b/1'), null)
    assert.deepEqual(changes, [])
  })

  test(`${name}: of many writers at one revision exactly one wins`, async () => {
    await using store = await openStore()
    const revision = await store.write([{ put: 'a', value: 0 }])
    const tries = Array.from({ length: 20 }, (_, i) =>
      store.write([{ put: 'a', value: i, revision }]),
    )
    const results = await Promise.allSettled(tries)
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
  })
}

function testWatching(name: string, openStore: () => Promise<Store>): void {
  test(`${name}: tells watchers of a prefix each change, in order`, async () => {
    await using store = await openStore()
    await store.write([{ put: 'w/before', value: 1 }])
    const seen: Change[] = []
    const stop = store.watch('w/', (change) => seen.push(change))
    const first = await store.write([
      { put: 'w/a', value: { x: 1 } },
      { put: 'v/a', value: 1 },
    ])
    const second = await store.write([{ delete: 'w/a' }])
    stop()
    await store.write([{ put: 'w/after', value: 1 }])
    assert.deepEqual(seen, [
      { type: 'put', entry: { key: 'w/a', value: { x: 1 }, revision: first - 1 } },
      { type: 'delete', key: 'w/a', revision: second },
    ])
  })

  test(`${name}: gives each watcher a copy, and none to one that has left`, async () => {
    await using store = await openStore()
    const seen: unknown[] = []
    store.watch('w/', (change) => {
      if (change.type === 'put') (change.entry.value as { x: number }).x = 2
      leave()
    })
    const leave = store.watch('w/', () => seen.push('left'))
    store.watch('w/', (change) => change.type === 'put' && seen.push(change.entry.value))
    await store.write([{ put: 'w/a', value: { x: 1 } }])
    assert.deepEqual(seen, [{ x: 1 }])
  })

  test(`${name}: keeps the order when a watcher writes`, async () => {
    await using store = await openStore()
    const written: Promise<number>[] = []
    const seen: string[] = []
    store.watch('w/', (change) => {
      if (change.type === 'put' && change.entry.key === 'w/1') {
        written.push(store.write([{ put: 'w/2', value: 2 }]))
      }
    })
    store.watch('w/', (change) => {
      if (change.type === 'put') seen.push(change.entry.key)
    })
    await store.write([{ put: 'w/1', value: 1 }])
    await Promise.all(written)
    assert.deepEqual(seen, ['w/1', 'w/2'])
  })

  test(`${name}: a watcher that comes while changes are told sees only later ones`, async () => {
    await using store = await openStore()
    const seen: number[] = []
    const stop = store.watch('w/', () => {
      stop()
      store.watch('w/', (change) => change.type === 'put' && seen.push(change.entry.revision))
    })
    await store.write([
      { put: 'w/1', value: 1 },
      { put: 'w/2', value: 1 },
    ])
    const later = await store.write([{ put: 'w/3', value: 1 }])
    assert.deepEqual(seen, [later])
  })
}
