/** The fuzzing of `bench/proxy/fuzz.ts` with counts that a test may take; `npm run proof` has the large. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzParser } from '../../bench/proxy/fuzz/fuzz-parser.ts'
import { fuzzSockets } from '../../bench/proxy/fuzz/fuzz-sockets.ts'
import { proxyNodeFlags } from '../../packages/viaduct/src/keeper/platform.ts'

const messages = 60_000
const requests = 2_000
const megabyte = 1_000_000
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

test('damaged messages break no rule of parser and framing, however they are cut', async (t) => {
  t.diagnostic(`seed ${seed}`)
  const { passed, refused, grownBytes } = await fuzzParser({ seed, count: messages })
  t.diagnostic(`fuzz: ${messages} messages, ${passed} passed on, ${refused} refused`)
  assert.ok(passed > messages / 10, 'The damage is too great to prove anything')
  assert.ok(refused > messages / 10, 'The damage is too small to prove anything')
  assert.ok(grownBytes < 8 * megabyte, `${grownBytes} bytes more`)
})

test('damaged requests over sockets mislead nobody and leave nothing behind', async (t) => {
  t.diagnostic(`seed ${seed}`)
  const fuzz = await fuzzSockets({ seed, count: requests, nodeFlags: proxyNodeFlags })
  assert.deepEqual([...fuzz.complaints], [])
  assert.equal(fuzz.misled, 0, 'Another client got what was not its answer')
  assert.equal(fuzz.stuck, 0, 'A client was neither answered nor closed')
  assert.equal(fuzz.descriptorsLeft, 0)
})
