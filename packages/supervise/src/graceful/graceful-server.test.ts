import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as https from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { InvalidArgumentError } from '../errors/supervise-error.ts'
import { startLoad } from '../fixtures/load.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { until } from '../fixtures/test-master.ts'
import { gracefulServer } from './graceful-server.ts'

/** Answers when it is told to. */
class Answers {
  readonly #waiting: { end(text: string): unknown }[] = []

  readonly listener = (_: unknown, response: { end(text: string): unknown }): void => {
    this.#waiting.push(response)
  }

  get count(): number {
    return this.#waiting.length
  }

  give(): void {
    for (const response of this.#waiting.splice(0)) response.end('late')
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function makeCertificate(folder: string): { key: string; cert: string } | null {
  const [keyout, out] = [`${folder}/key.pem`, `${folder}/cert.pem`]
  const subject = ['-subj', '/CN=localhost', '-days', '1', '-keyout', keyout, '-out', out]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const { status } = spawnSync('openssl', ['req', '-x509', ...curve, ...subject])
  if (status !== 0) return null
  return { key: readFileSync(keyout, 'utf8'), cert: readFileSync(out, 'utf8') }
}

test('busy keep-alive clients see no reset: each gets its answers, and then a refused connection', async () => {
  const server = http.createServer((_, response) => response.end('ok'))
  const graceful = gracefulServer(server)
  const port = await listen(server)
  const load = startLoad(port, 40, 1)
  await until('they are busy', () => load.requests() > 400)
  const closed = await graceful.close({ timeoutMs: 10_000 })
  const { failures } = await load.stop()
  assert.deepEqual(closed, { cut: 0 })
  assert.deepEqual(
    failures.filter((failure) => !failure.includes('ECONNREFUSED')),
    [],
  )
  assert.deepEqual(await graceful.close(), closed, 'it is idempotent')
})

test('a request in flight is answered, with Connection: close', async () => {
  const answers = new Answers()
  const server = http.createServer(answers.listener)
  const graceful = gracefulServer(server)
  const agent = new http.Agent({ keepAlive: true })
  const request = http.get({ port: await listen(server), host: '127.0.0.1', agent })
  await until('it arrived', () => answers.count === 1)
  const closed = graceful.close({ idleGraceMs: 0 })
  answers.give()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.resume()
  assert.equal(response.headers.connection, 'close')
  assert.deepEqual(await closed, { cut: 0 })
})

test('what takes longer than the limit is cut, and counted', async () => {
  const answers = new Answers()
  const server = http.createServer(answers.listener)
  const graceful = gracefulServer(server)
  const request = http.get({ port: await listen(server), host: '127.0.0.1', agent: false })
  const failed = once(request, 'error')
  await until('it arrived', () => answers.count === 1)
  assert.deepEqual(await graceful.close({ timeoutMs: 50 }), { cut: 1 })
  await failed
})

test('an upgraded connection is no idle one', async () => {
  const server = http.createServer()
  const graceful = gracefulServer(server)
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', () => socket.end('bye'))
  })
  const port = await listen(server)
  const idle = connect(port, '127.0.0.1').resume()
  await once(idle, 'connect')
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n')
  await once(socket, 'data')
  const closed = graceful.close({ idleGraceMs: 0 })
  await once(idle, 'end') // Now what is idle has been looked for.
  socket.write('still here')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.equal(String(answer), 'bye')
  socket.end()
  assert.deepEqual(await closed, { cut: 0 })
})

test('a plain server is waited for', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume())
  const graceful = gracefulServer(server)
  const socket = connect(await listen(server), '127.0.0.1')
  const accepted = (await once(server, 'connection')) as [Socket]
  const closed = graceful.close({ idleGraceMs: 0, timeoutMs: 10_000 })
  accepted[0].end('done')
  await once(socket.resume(), 'end')
  assert.deepEqual(await closed, { cut: 0 })
})

test('over TLS: requests in flight and idle connections end well, HTTP/1.1 and 2', async (t) => {
  await withTemporaryFolder(async (folder) => {
    const certificate = makeCertificate(folder)
    if (!certificate) return t.skip('openssl is not there')
    const answers = new Answers()
    const server = https.createServer(certificate, answers.listener)
    const graceful = gracefulServer(server)
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
    const options = { port: await listen(server), host: '127.0.0.1', agent }
    const idle = https.get(options)
    await until('the first arrived', () => answers.count === 1)
    answers.give()
    const [first] = (await once(idle, 'response')) as [http.IncomingMessage]
    first.resume()
    await once(first, 'end')
    const busy = https.get({ ...options, agent: new https.Agent({ rejectUnauthorized: false }) })
    await until('the second arrived', () => answers.count === 1)
    const ended = once(idle.socket ?? agent, 'close')
    const closed = graceful.close({ idleGraceMs: 0 })
    await ended // Now what is idle has been looked for.
    answers.give()
    const [response] = (await once(busy, 'response')) as [http.IncomingMessage]
    response.resume()
    assert.deepEqual(await closed, { cut: 0 })
    agent.destroy()
  })
})

for (const secure of [false, true]) {
  test(`HTTP/2${secure ? ' over TLS' : ''}: streams in flight are answered`, async (t) => {
    await withTemporaryFolder(async (folder) => {
      const certificate = secure ? makeCertificate(folder) : {}
      if (!certificate) return t.skip('openssl is not there')
      const answers = new Answers()
      const server = secure
        ? http2.createSecureServer({ ...certificate, allowHTTP1: true }, answers.listener)
        : http2.createServer(answers.listener)
      const graceful = gracefulServer(server)
      const url = `http${secure ? 's' : ''}://127.0.0.1:${await listen(server)}`
      const client = http2.connect(url, { rejectUnauthorized: false })
      const stream = client.request({ ':path': '/' })
      await until('it arrived', () => answers.count === 1)
      const goAway = once(client, 'goaway')
      const closed = graceful.close({ idleGraceMs: 0 })
      await goAway
      answers.give()
      let body = ''
      for await (const chunk of stream.setEncoding('utf8')) body += String(chunk)
      assert.equal(body, 'late')
      assert.deepEqual(await closed, { cut: 0 })
      client.destroy()
    })
  })
}

test('what is no server, and times that are none, are refused', async () => {
  assert.throws(() => gracefulServer({} as Server), InvalidArgumentError)
  const graceful = gracefulServer(http.createServer())
  await assert.rejects(graceful.close({ timeoutMs: -1 }), InvalidArgumentError)
  await assert.rejects(graceful.close({ idleGraceMs: NaN }), InvalidArgumentError)
  assert.deepEqual(await graceful.close(), { cut: 0 })
})
