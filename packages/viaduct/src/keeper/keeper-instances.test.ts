import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TestKeeper, until } from './fixtures/test-keeper.ts'

const keeper = await TestKeeper.start()
after(() => keeper[Symbol.asyncDispose]())

test('an exit code comes through the shim, with every line before it', async () => {
  const info = await keeper.start('code', 'echo hello; echo oops >&2; exit 7')
  assert.equal(info.adopted, false)
  const exit = await keeper.exitOf('code')
  assert.deepEqual(
    { ...exit, at: 0 },
    { reason: 'code', code: 7, signal: null, killed: false, at: 0 },
  )
  assert.ok(Math.abs(exit.at - Date.now()) < 2_000)
  assert.ok((await keeper.log()).includes('hello'))
  assert.ok((await keeper.log()).includes('oops'))
})

test('a signal from outside is told by its name', async () => {
  await keeper.start('signal', 'exec sleep 60')
  const app = await keeper.appOf('signal')
  process.kill(app, 'SIGKILL')
  const exit = await keeper.exitOf('signal')
  assert.equal(exit.reason, 'signal')
  assert.equal(exit.signal, 'SIGKILL')
  assert.equal(exit.killed, false)
})
