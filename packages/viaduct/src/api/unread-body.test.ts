/** Bodies of requests that were answered before they had come. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { unreadBodyLingerMs } from '../model/limits.ts'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

let api: TestApi
before(async () => {
  api = await openTestApi()
})
after(() => api[Symbol.asyncDispose]())

/** The head of an upload that is refused for its commit. */
function refusedHead(): string {
  return [
    'POST /applications/shop/deploys?commit=%00 HTTP/1.1',
    'Host: localhost',
    `X-Auth-Token: ${api.token}`,
    'Content-Type: application/gzip',
    'Content-Length: 1',
    '\r\n',
  ].join('\r\n')
}

/** Sends a piece. @returns The status of the answer; NaN: the connection was closed. */
async function ask(socket: Socket, text: string): Promise<number> {
  socket.write(text)
  const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as unknown[]
  return Number(/^HTTP\/1.1 (\d+)/.exec(String(answer))?.[1])
}

test('a body that comes after its refusal costs the requests behind it nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const socket = connect(api.port, '127.0.0.1')
  t.after(() => socket.destroy())
  assert.equal(await ask(socket, refusedHead()), 422)
  const healthy = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
  assert.equal(await ask(socket, `x${healthy}`), 200)
  t.mock.timers.tick(unreadBodyLingerMs)
  assert.equal(await ask(socket, healthy), 200)
})

test(
  'a body that does not come after its refusal ends the connection',
  { timeout: 10_000 },
  async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const socket = connect(api.port, '127.0.0.1')
    assert.equal(await ask(socket, refusedHead()), 422)
    const closed = once(socket, 'close')
    t.mock.timers.tick(unreadBodyLingerMs)
    await closed
  },
)
