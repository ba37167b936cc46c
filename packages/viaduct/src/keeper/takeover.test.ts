import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { platformOf, TestKeeper, until } from './fixtures/test-keeper.ts'

test('keepers and proxies are killed and replaced under load, and nobody is refused', async () => {
  await using keeper = await TestKeeper.start({ proxies: 2 })
  const counts = { ok: 0, refused: 0, cut: 0 }
  const load = new AbortController()
  const clients = Array.from({ length: 16 }, () => askAgain(keeper, counts, load.signal))
  for (let round = 0; round < 3; round++) {
    const enough = counts.ok + 200
    await until(() => counts.ok >= enough, 'answers')
    await keeper.down('SIGKILL')
    await keeper.up()
    // The sockets came back: a proxy that dies now is replaced on the very same one.
    const victim = (await platformOf(keeper))[`proxy-${round % 2}`]
    const sinceUp = counts.ok + 100
    process.kill(victim?.pid ?? 0, 'SIGTERM')
    await until(() => counts.ok >= sinceUp, 'answers of the new proxy')
    await keeper.ready()
  }
  load.abort()
  await Promise.all(clients)
  assert.equal(counts.refused, 0)
  assert.equal(counts.cut, 0)
})

async function askAgain(
  keeper: TestKeeper,
  counts: { ok: number; refused: number; cut: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) counts[await askOnce(keeper.settings.httpPort)]++
}

/** One request on a connection of its own. */
function askOnce(port: number): Promise<'ok' | 'refused' | 'cut'> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let bytes = 0
    socket.on('data', (chunk) => (bytes += chunk.length))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'cut'),
    )
    socket.on('close', () => resolve(bytes > 0 ? 'ok' : 'cut'))
    socket.write('GET / HTTP/1.0\r\n\r\n')
  })
}
