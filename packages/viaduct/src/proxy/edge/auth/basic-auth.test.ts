import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { test } from 'node:test'
import {
  basicAuthChecksMax,
  basicAuthWaitingMax,
  basicAuthWaitMaxMs,
} from '../../../model/proxy-limits.ts'
import { type Answer, BasicAuth } from './basic-auth.ts'
import { KnownSet } from './known-set.ts'
import { Turns } from './turns.ts'

/** Of the password `b`. */
const hash = `scrypt:c2FsdA:${scryptSync('b', 'salt', 32).toString('base64url')}`

function check(auth: BasicAuth, credentials: string): Answer | Promise<Answer> {
  return auth.check(`Basic ${Buffer.from(credentials).toString('base64')}`)
}

test('many requests of one user at once are checked once, and none is sent away', async () => {
  const auth = new BasicAuth({ users: [{ name: 'a', passwordHash: hash }] })
  const answers = Array.from({ length: 4 * basicAuthChecksMax }, () => check(auth, 'a:b'))
  assert.equal(new Set(answers).size, 1)
  assert.equal(await answers[0], 'yes')
  assert.equal(check(auth, 'a:b'), 'yes')
})

test('fifty users who come at once are all let in, and known the next time', async (t) => {
  // However slow this machine is now, nobody waits for too long.
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const names = Array.from({ length: 50 }, (_, n) => `user${n}`)
  const auth = new BasicAuth({ users: names.map((name) => ({ name, passwordHash: hash })) })
  const answers = await Promise.all(names.map(async (name) => await check(auth, `${name}:b`)))
  assert.deepEqual(new Set(answers), new Set(['yes']))
  assert.deepEqual(new Set(names.map((name) => check(auth, `${name}:b`))), new Set(['yes']))
  // Nobody has the name of another, nor what begins alike.
  for (const other of ['user1:', 'user1:bb', 'user50:b', 'user1', 'user1b:']) {
    assert.equal(await check(auth, other), 'no', other)
  }
})

test('who would wait for too many others, or for too long, is asked to come again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const auth = new BasicAuth({ users: [{ name: 'a', passwordHash: hash }] })
  const guess = async (n: number): Promise<Answer> => await check(auth, `a:${n}`)
  const checked = Array.from({ length: basicAuthChecksMax }, (_, n) => guess(n))
  const waiting = Array.from({ length: basicAuthWaitingMax }, (_, n) => guess(100 + n))
  assert.equal(await guess(1_000), 'busy')
  t.mock.timers.tick(basicAuthWaitMaxMs)
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['busy']))
  assert.deepEqual(new Set(await Promise.all(checked)), new Set(['no']))
  // None of that is remembered of them.
  assert.equal(await guess(1_000), 'no')
  assert.equal(await check(auth, 'a:b'), 'yes')
})

test('turns go round in the order in which they were asked for', async () => {
  const turns = new Turns({ atOnce: 1, waitingMax: 2, waitMaxMs: 60_000 })
  const order: string[] = []
  const take = async (name: string): Promise<void> => {
    if (await turns.take()) order.push(name)
    else order.push(`not ${name}`)
  }
  await take('a')
  const others = [take('b'), take('c')]
  await take('d')
  assert.deepEqual(order, ['a', 'not d'])
  turns.done()
  turns.done()
  await Promise.all(others)
  assert.deepEqual(order, ['a', 'not d', 'b', 'c'])
  turns.done()
  await take('e')
  assert.equal(order.at(-1), 'e')
})

test('what is known is forgotten in the order in which it came', () => {
  const known = new KnownSet(2)
  for (const key of ['a', 'b', 'b', 'c']) known.add(key)
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => known.has(key)),
    [false, true, true],
  )
})

test('a hash of nothing lets nobody in', async () => {
  const auth = new BasicAuth({ users: [{ name: 'a', passwordHash: 'scrypt:c2FsdA:' }] })
  assert.equal(await check(auth, 'a:'), 'no')
})
