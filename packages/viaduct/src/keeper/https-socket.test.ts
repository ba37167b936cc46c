import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { platformOf, TestKeeper, until } from './fixtures/test-keeper.ts'

/** What the proxy's stand-in says, without TLS: who it is. */
function answerOf(port: number | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port ?? 0, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => (text += piece))
    socket.on('error', reject)
    socket.on('close', () => resolve(text.split('\r\n\r\n')[1] ?? ''))
    socket.write('GET / HTTP/1.0\r\n\r\n')
  })
}

async function proxyOf(keeper: TestKeeper): Promise<number> {
  const proxy = (await platformOf(keeper))['proxy-0']
  assert.ok(proxy)
  return proxy.pid
}

test('the https socket is bound, comes back to the next keeper, and outlives the proxies', async () => {
  await using keeper = await TestKeeper.start({ httpsPort: 0 })
  const { httpsPort } = keeper.settings
  const proxy = await proxyOf(keeper)
  assert.ok(httpsPort)
  assert.equal(await answerOf(httpsPort), `https ${proxy}`)
  await keeper.down('SIGKILL')
  keeper.overrides = { httpsPort }
  await keeper.up()
  assert.equal(keeper.settings.httpsPort, httpsPort)
  assert.equal(await proxyOf(keeper), proxy)
  process.kill(proxy, 'SIGKILL')
  // Nobody is refused meanwhile: the keeper holds the very socket that the dead proxy accepted on.
  const answer = await answerOf(httpsPort)
  assert.equal(answer, `https ${await proxyOf(keeper)}`)
  assert.notEqual(await proxyOf(keeper), proxy)
})

test('https that is switched on later takes nothing away from http', async () => {
  await using keeper = await TestKeeper.start()
  const old = await proxyOf(keeper)
  await keeper.down('SIGUSR2')
  keeper.overrides = { httpsPort: 0 }
  await keeper.up()
  const proxy = await proxyOf(keeper)
  assert.notEqual(proxy, old)
  const listens = (): Promise<string> => answerOf(keeper.settings.httpsPort).catch(() => '')
  await until(listens, 'the new proxy to listen on a socket that never did')
  assert.equal(await answerOf(keeper.settings.httpsPort), `https ${proxy}`)
  assert.match(await answerOf(keeper.settings.httpPort), /^proxy/)

  await keeper.down('SIGUSR2')
  const { httpsPort } = keeper.settings
  keeper.overrides = {}
  await keeper.up()
  assert.equal(keeper.settings.httpsPort, null)
  const gone = (): Promise<boolean> =>
    answerOf(httpsPort).then(
      () => false,
      () => true,
    )
  await until(gone, 'the end of https')
  assert.match(await answerOf(keeper.settings.httpPort), /^proxy/)
})

test('a taken https port is named, and nothing is left', async () => {
  await using keeper = await TestKeeper.start()
  const httpsPort = keeper.settings.apiPort
  await assert.rejects(
    TestKeeper.start({ httpsPort }),
    new RegExp(`Port ${httpsPort} .*https-port`),
  )
})
