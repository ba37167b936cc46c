import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { get, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { startProxyProcess } from '../fixtures/proxy-process.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { readFileSync } from 'node:fs'

/** Different bytes everywhere: a piece that comes twice, late or overwritten changes the sum. */
function* pattern(bytes: number): Generator<Buffer> {
  for (let sent = 0, i = 0; sent < bytes; i++) {
    const piece = Buffer.alloc(Math.min(50_000 + (i % 7) * 9_001, bytes - sent))
    for (let at = 0; at + 4 <= piece.length; at += 512) piece.writeUInt32LE(sent + at, at)
    sent += piece.length
    yield piece
  }
}

function sumOf(bytes: number): string {
  const hash = createHash('sha1')
  for (const piece of pattern(bytes)) hash.update(piece)
  return hash.digest('hex')
}

/** GET returns the pattern; POST the sum of what came. */
async function startApp(bytes: number): Promise<{ port: number; close: () => void }> {
  const server = createServer((req, res) => {
    if (req.method === 'GET') {
      if (req.url === '/sized') res.setHeader('Content-Length', bytes)
      Readable.from(pattern(bytes)).pipe(res)
      return
    }
    const hash = createHash('sha1')
    req.on('data', (piece: Buffer) => hash.update(piece))
    req.on('end', () => res.end(hash.digest('hex')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

test('200 MB each way arrive unchanged, and the proxy keeps its memory', async () => {
  const bytes = 200_000_000
  const app = await startApp(bytes)
  try {
    await using proxy = await startProxyProcess(routeTable(1, [{ ports: [app.port] }]))
    const memory = (): number => {
      const status = readFileSync(`/proc/${proxy.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
    }
    const before = memory()
    let most = before
    const wanted = sumOf(bytes)
    const target = { host: '127.0.0.1', port: proxy.port, agent: false as const }
    for (const path of ['/sized', '/chunked']) {
      const hash = createHash('sha1')
      const req = request({ ...target, path }).end()
      const [res] = (await once(req, 'response')) as [Readable]
      for await (const piece of res) {
        hash.update(piece as Buffer)
        most = Math.max(most, memory())
      }
      assert.equal(hash.digest('hex'), wanted, path)
    }
    const req = request({ ...target, method: 'POST' })
    Readable.from(pattern(bytes))
      .on('data', () => (most = Math.max(most, memory())))
      .pipe(req)
    const [res] = (await once(req, 'response')) as [Readable]
    const [sum] = (await once(res, 'data')) as [Buffer]
    assert.equal(String(sum), wanted)
    assert.ok(most - before < 64_000_000, `${most - before} bytes more than idle`)
  } finally {
    app.close()
  }
})

test('a client that does not read stops the app, and gets all when it reads on', async () => {
  const bytes = 40_000_000
  const app = await startApp(bytes)
  try {
    await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
    using client = new TestClient(proxy.port)
    client.socket.removeAllListeners('data')
    client.socket.setEncoding('latin1').pause()
    client.send(get('/sized', 'Connection: close'))
    const [upstream] = proxy.worker.router.upstreams
    await until(() => upstream?.inFlight === 1, 'the request is in flight')
    let read = 0
    client.socket.on('data', (piece: string) => (read += piece.length))
    for (let i = 0; i < 40; i++) {
      client.socket.pause()
      await new Promise((resolve) => setImmediate(resolve))
      client.socket.resume()
      await once(client.socket, 'data')
    }
    await client.over()
    assert.ok(read > bytes && read < bytes + 1_000, String(read))
  } finally {
    app.close()
  }
})

test('a client that asks without reading the answers is asked to wait', async () => {
  let answered = 0
  const body = 'x'.repeat(60_000)
  await using app = await TestInstance.answering(() => {
    answered++
    return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  })
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  client.socket.pause()
  const count = 300
  client.send(get('/').repeat(count))
  let last = -1
  let unchanged = 0
  const waits = (): boolean => {
    unchanged = answered > 5 && answered === last ? unchanged + 1 : 0
    last = answered
    return unchanged > 50
  }
  await until(waits, 'it waits')
  assert.ok(answered < 250, `${answered} answers wait in memory`)
  client.socket.resume()
  await client.answers(count)
})

test('a long body comes whole behind its head, which may be longer or shorter than it came', async () => {
  const body = Buffer.concat([...pattern(60_000)]).toString('latin1')
  const length = `Content-Length: ${body.length}`
  const dropped = 'Keep-Alive: timeout=1000000000\r\n'
  for (const fields of ['', dropped, `X-Long: ${'x'.repeat(8_000)}\r\n`]) {
    await using app = await TestInstance.answering(
      `HTTP/1.1 200 OK\r\n${fields}${length}\r\n\r\n${body}`,
    )
    await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
    const kept = fields === dropped ? '' : fields
    for (const [asked, times] of [
      [[], 3],
      [['Connection: close'], 1],
    ] as const) {
      using client = new TestClient(proxy.port)
      const more = asked.map((field) => `${field}\r\n`).join('')
      const answer = `HTTP/1.1 200 OK\r\n${kept}${length}\r\n${more}\r\n${body}`
      for (let i = 1; i <= times; i++) {
        client.send(get('/', ...asked))
        await until(() => client.text.length >= answer.length * i, 'the answer is whole')
        assert.ok(client.text === answer.repeat(i), `with "${fields.slice(0, 20)}", ${more}`)
      }
    }
  }
})
