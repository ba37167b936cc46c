/** A port that somebody else takes between the instance's start and its `listen`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
const folder = await mkdtemp(join(tmpdir(), 'viaduct-port-'))
await chmod(folder, 0o711) // Apps run under other users.
const gate = join(folder, 'gate')
after(async () => {
  await test1[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const waits = `while (!require('fs').existsSync(${JSON.stringify(gate)}))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)`

/** The instance that waits for the gate. */
async function starting(): Promise<{ id: string; port: number }> {
  return until(async () => {
    const { instances } = await test1.engine.app(app)
    return instances.find(({ state, pid }) => state === 'starting' && pid !== null)
  }, 'an instance that starts')
}

test('an instance whose port was taken is started again on another one, and gets no request before', async () => {
  const begun = test1.deploy(server(waits))
  await begun
  const { id, port } = await starting()
  const stranger = createTcpServer((socket) => socket.destroy())
  await once(stranger.listen(port, '127.0.0.1'), 'listening')
  // It accepts: who only knocks finds it ready.
  await once(stranger, 'connection')
  await writeFile(gate, '')
  await test1.succeed(begun)
  assert.match(await test1.ask(), /^v1 /)
  const upstreams = test1.listener.tables.flatMap(({ apps }) => apps[0]?.upstreams ?? [])
  assert.ok(!upstreams.some((upstream) => upstream.port === port), 'Nobody was sent to a stranger')
  assert.ok(!upstreams.some((upstream) => upstream.id === id))
  assert.ok(test1.logs.some(({ event }) => event === 'instance.port-taken'))
  stranger.close()
})

test('an app behind a listener that is not its own is ready all the same, a little later', async () => {
  // As with a container engine: who listens is no process of the instance.
  const begun = test1.deploy('setInterval(() => {}, 1000)')
  await begun
  const { port } = await starting()
  const engine = createServer((_, response) => response.end('from elsewhere'))
  await once(engine.listen(port, '127.0.0.1'), 'listening')
  try {
    await test1.succeed(begun)
    assert.equal(await test1.ask(), 'from elsewhere')
  } finally {
    engine.close()
    engine.closeAllConnections()
  }
})
