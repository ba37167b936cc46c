/** TLS and HTTP/2 by the real platform: with its own certificate, through the deaths of its parts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import * as http2 from 'node:http2'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import type { Settings } from '../../packages/viaduct/src/settings/settings.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

const hello = join(import.meta.dirname, '../../examples/hello')

async function httpsPort(platform: Platform): Promise<number> {
  const text = await readFile(dataLayout(platform.dataDir).settings, 'utf8')
  return (JSON.parse(text) as Settings).httpsPort ?? 0
}

/** One request on a connection of its own. @returns Status and protocol. */
async function ask(port: number): Promise<string> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  const failed = once(session, 'error').then(([error]) => Promise.reject(error as Error))
  try {
    const stream = session.request({ ':authority': 'hello.localhost', ':path': '/' })
    stream.on('error', () => undefined) // The session's error says more.
    const answered = once(stream, 'response')
    const [headers] = (await Promise.race([answered, failed])) as [http2.IncomingHttpStatusHeader]
    return `${headers[':status']} ${session.alpnProtocol}`
  } finally {
    failed.catch(() => undefined) // It is over.
    session.destroy()
  }
}

test('https is served from the first deploy on, and outlives keeper, daemon and proxy', async () => {
  await using platform = await startPlatform({ proxies: 1, flags: ['--https-port', '0'] })
  const port = await httpsPort(platform)
  assert.ok(port > 0)
  await until(() => platform.output.includes(`https://APP.localhost:${port}`), { what: 'its URL' })
  await platform.run('deploy', hello, '--app', 'hello')
  assert.equal(await ask(port), '200 h2')

  const [proxy = 0] = await platform.proxyPids()
  process.kill(platform.keeperPid(), 'SIGKILL')
  process.kill(await platform.daemonPid(), 'SIGKILL')
  assert.equal(await ask(port), '200 h2')
  await platform.startKeeper()
  assert.equal(await httpsPort(platform), port)
  assert.deepEqual(await platform.proxyPids(), [proxy])

  process.kill(proxy, 'SIGKILL')
  // Nobody is refused: the keeper holds the socket that the dead proxy gave it back.
  assert.equal(await ask(port), '200 h2')
  assert.notDeepEqual(await platform.proxyPids(), [proxy])
})
