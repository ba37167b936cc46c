import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { collectAllGarbage, collectYoungGarbage } from './collect-garbage.ts'

/** A buffer that nothing holds when the promise has settled. */
async function dropBuffer(keptMeanwhile: () => void): Promise<WeakRef<ArrayBuffer>> {
  const buffer = new ArrayBuffer(1024 * 1024)
  const dropped = new WeakRef(buffer)
  // A weak reference holds for the rest of the job.
  await new Promise((resolve) => setImmediate(resolve))
  keptMeanwhile()
  assert.equal(buffer.byteLength, 1024 * 1024)
  return dropped
}

test('what is old and needed no more is collected after a start', async () => {
  const dropped = await dropBuffer(() => {
    for (let i = 0; i < 3; i++) collectYoungGarbage()
  })
  await new Promise((resolve) => setImmediate(resolve))
  collectYoungGarbage()
  assert.ok(dropped.deref(), 'it was not old')
  await new Promise((resolve) => setImmediate(resolve))
  collectAllGarbage()
  assert.equal(dropped.deref(), undefined)
})

test('code of others gets no way to collect', () => {
  collectYoungGarbage()
  assert.equal(runInNewContext('typeof gc'), 'undefined')
  assert.equal(typeof globalThis.gc, 'undefined')
})
