import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { tokensMax } from '../../model/limits.ts'
import { openMemoryStore } from '../../store/memory-store.ts'
import type { Store } from '../../store/store.ts'
import { ensureAdminToken } from './admin-token.ts'
import { TokenBook } from './token-book.ts'

let dir: string
let path: string
let store: Store
let book: TokenBook
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'viaduct-token-'))
  path = join(dir, 'admin-token')
  store = await openMemoryStore()
  book = await TokenBook.open(store)
})
afterEach(async () => {
  book[Symbol.dispose]()
  await store[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

async function start(authToken: string | null = null): Promise<string> {
  await ensureAdminToken({ book, path, authToken })
  return (await readFile(path, 'utf8')).trim()
}

test('the first start makes a token, and later ones keep it', async () => {
  const first = await start()
  assert.match(first, /^vdt_[A-Za-z0-9_-]{43}$/)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(await start('other'), first)
  assert.equal(book.list().length, 1)
  assert.deepEqual(book.find(first)?.scopes, ['admin'])
})

test('the token of the settings counts at the first start only', async () => {
  assert.equal(await start('supersecret'), 'supersecret')
  assert.ok(book.find('supersecret'))
  assert.equal(await start('changed'), 'supersecret')
  assert.equal(book.find('changed'), null)
})

test('a token file that the store does not know is taken over', async () => {
  await writeFile(path, 'from-a-crash\n')
  assert.equal(await start(), 'from-a-crash')
  assert.ok(book.find('from-a-crash'))
})

test('a file that is gone is made anew', async () => {
  const first = await start()
  await rm(path)
  const second = await start()
  assert.notEqual(second, first)
  assert.ok(book.find(second))
})

test('a revoked admin token stays revoked while there is another admin', async () => {
  const first = await start()
  const other = await book.create({ name: 'laptop', scopes: ['admin'] })
  await book.revoke(book.list()[0]?.id ?? '')
  assert.equal(await start(), first)
  assert.equal(book.find(first), null)
  assert.ok(book.find(other.secret))
})

test('when the last admin is revoked, the next start makes one, so that nobody is locked out', async () => {
  const first = await start()
  await book.revoke(book.list()[0]?.id ?? '')
  const second = await start()
  assert.notEqual(second, first)
  assert.equal(book.find(first), null)
  assert.ok(book.find(second))
})

test('a token that another process revokes is refused here too', async () => {
  const secret = await start()
  const other = await TokenBook.open(store)
  await other.revoke(other.list()[0]?.id ?? '')
  other[Symbol.dispose]()
  assert.equal(book.find(secret), null)
})

test('a token without the right to make others does not count as an admin', async () => {
  await start()
  await book.create({ name: 'ci', scopes: ['deploy'] })
  await book.revoke(book.list()[0]?.id ?? '')
  assert.ok(book.find(await start()))
})

test('auth_token is the first token only: one that was changed later makes no second admin', async () => {
  await start('supersecret')
  await rm(path)
  assert.notEqual(await start('changed'), 'changed')
})

test('tokens are limited, and a revoked one makes room', async () => {
  const made: Awaited<ReturnType<TokenBook['create']>>[] = []
  for (let i = 0; i < tokensMax; i++) made.push(await book.create({ name: 'x', scopes: ['read'] }))
  await assert.rejects(book.create({ name: 'x', scopes: ['read'] }), { code: 'busy' })
  await book.revoke(made[0]!.token.id)
  const { revokedAt } = book.list().find(({ id }) => id === made[0]!.token.id)!
  await book.revoke(made[0]!.token.id)
  assert.equal(book.list().find(({ id }) => id === made[0]!.token.id)!.revokedAt, revokedAt)
  assert.ok(await book.create({ name: 'x', scopes: ['read'] }))
})

test('a token that is taken out of the store is unknown', async () => {
  const { token, secret } = await book.create({ name: 'x', scopes: ['read'] })
  await store.write([{ delete: `tokens/${token.id}` }])
  assert.equal(book.find(secret), null)
})
