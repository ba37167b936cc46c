/** Own ports of a worker in this process; their sockets come from a keeper's hand-over, as ever. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { BoundSocket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ownPortName } from '../../handback/own-port.ts'
import { serveHandback } from '../../handback/serve-handback.ts'
import { takeBack } from '../../handback/take-back.ts'
import { AcceptGate } from '../accept/accept-gate.ts'
import { routeTable, type TestRoute } from '../fixtures/route-table.ts'
import { get, ok, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, TlsClient, tlsTable } from '../fixtures/tls-proxy.ts'
import { Worker, type WorkerOptions } from '../serve/worker.ts'
import { openTlsListener } from '../tls/tls-listener.ts'
import { OwnPorts } from './own-ports.ts'

interface TestPorts extends AsyncDisposable {
  readonly worker: Worker
  readonly ports: OwnPorts
  readonly gate: AcceptGate
  /** Bound by the keeper, and held by nobody as yet. */
  readonly port: number
  /** Where all sockets of the worker can be had. */
  readonly handback: string
  /** Publishes one app with this port, or whatever is given. */
  route(...routes: Partial<TestRoute>[]): void
}

async function openPorts(instance: TestInstance, options: WorkerOptions = {}): Promise<TestPorts> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-own-ports-'))
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const { port } = socket.address()
  const name = ownPortName(port)
  const keeper = await serveHandback({ path: join(dir, 'k'), fds: { [name]: socket.fd() } })
  const worker = new Worker(null, options)
  worker.certs.apply(tlsTable(1))
  const gate = new AcceptGate()
  const tls = Promise.resolve(openTlsListener(worker, worker.certs))
  const options_ = { source: keeper.path, inherited: new Map<number, number>() }
  const ports = new OwnPorts(worker, { ...options_, gate, openTls: () => tls })
  const fds = () => ({ ...gate.descriptors(), ...ports.descriptors() })
  const handback = await serveHandback({ path: join(dir, 'p'), fds })
  let generation = 0
  return {
    ...{ worker, ports, gate, port, handback: handback.path },
    route(...routes) {
      const all = routes.map((route) => ({ ports: [instance.port], port, ...route }))
      worker.router.apply(routeTable(++generation, all))
      ports.follow()
    },
    async [Symbol.asyncDispose]() {
      ports.close()
      gate[Symbol.dispose]()
      await worker[Symbol.asyncDispose]()
      await handback[Symbol.asyncDispose]()
      await keeper[Symbol.asyncDispose]()
      socket.close()
      await rm(dir, { recursive: true })
    },
  }
}

/** What the worker would give a keeper that is started again. */
async function given({ handback }: TestPorts): Promise<string[]> {
  const taken = await takeBack({ path: handback, names: [], timeoutMs: 10_000 })
  assert.ok(taken.result === 'taken', taken.result)
  for (const socket of Object.values(taken.sockets)) socket.close()
  return Object.keys(taken.sockets)
}

test('a port is fetched, served by, and given up with a last answer to who is there', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  await using own = await openPorts(instance)
  own.route({})
  assert.deepEqual(await own.ports.hold([own.port]), [own.port])
  using client = new TestClient(own.port).send(get('/1'))
  await client.answers(1)
  assert.doesNotMatch(client.text, /Connection: close/)
  own.route({ portMode: 'direct' })
  client.send(get('/2'))
  assert.match(await client.over(), /Connection: close\r\n\r\napp$/)
  assert.equal(client.error, '')
  await until(() => own.ports.descriptors()[ownPortName(own.port)] !== undefined, 'it is held')
  assert.deepEqual(own.gate.descriptors(), {})
  own.route({})
  using again = new TestClient(own.port).send(get('/3'))
  assert.deepEqual(await again.answers(1), [200])
  own.route({ port: own.port + 1, portMode: 'direct' })
  using late = new TestClient(own.port).send(get('/4'))
  assert.match(await late.over(), /Connection: close\r\n\r\napp$/)
  assert.deepEqual(await own.ports.hold([]), [])
  assert.deepEqual([own.gate.descriptors(), own.ports.descriptors()], [{}, {}])
})

test('a port speaks TLS by the certificates of all, HTTP/2 too, from the change on', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  await using own = await openPorts(instance)
  own.route({})
  await own.ports.hold([own.port])
  using plain = new TestClient(own.port).send(get('/plain'))
  await plain.answers(1)
  own.route({ portMode: 'tls' })
  using client = new TlsClient(own.port, { ALPNProtocols: ['http/1.1'] })
  client.send(get('/tls'))
  await until(() => client.text.endsWith('app'), 'the answer')
  assert.equal(
    client.socket.getPeerCertificate().subjectaltname,
    'DNS:app.localhost, DNS:*.localhost',
  )
  assert.match(instance.received.join(''), /X-Forwarded-Proto: https/)
  using session = connectH2(own.port)
  const ask = () => askH2(session, { ':authority': 'other.test', ':path': '/h2' })
  assert.deepEqual([(await ask()).status, (await ask()).body], [200, 'app'])
  plain.send(get('/last'))
  assert.match(await plain.over(), /Connection: close\r\n\r\napp$/)
  own.route({ portMode: 'direct' })
  assert.equal((await ask()).body, 'app')
  await until(() => session.closed, 'a GOAWAY')
  client.send(get('/last'))
  await until(() => client.isOver, 'the end')
  assert.match(client.text, /Connection: close\r\n\r\napp$/)
})

test('a PROXY header comes before both, and who has not sent it yet is waited for', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const trust = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }
  await using own = await openPorts(instance, trust)
  const header = 'PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n'
  own.route({ portMode: 'tls' })
  await own.ports.hold([own.port])
  const below = connect({ port: own.port, host: '127.0.0.1' })
  below.write(header)
  using secure = new TlsClient(own.port, { socket: below, ALPNProtocols: ['http/1.1'] })
  secure.send(get('/tls', 'Connection: close'))
  await until(() => secure.text.endsWith('app'), 'the answer')
  assert.match(instance.received[0] ?? '', /X-Forwarded-For: 203\.0\.113\.7\r\n/)
  own.route({})
  await until(() => own.worker.connections === 0, 'it is gone')
  using late = new TestClient(own.port)
  await until(() => own.worker.connections === 1, 'it is counted')
  let left = false
  const leaving = own.worker.leave(20_000).then(() => (left = true))
  late.send(header + get('/late'))
  assert.match(await late.over(), /Connection: close\r\n\r\napp$/)
  await leaving
  assert.equal(left, true)
  assert.match(instance.received.join(''), /GET \/late .*\r\n(?:.*\r\n)*X-Forwarded-For: 203/)
})

test('a worker that leaves cuts who does not say whose connection it is', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const trust = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }
  await using own = await openPorts(instance, trust)
  own.route({})
  await own.ports.hold([own.port])
  using silent = new TestClient(own.port)
  await until(() => own.worker.connections === 1, 'it is counted')
  await own.worker.leave(20)
  await silent.over()
  assert.equal(own.worker.connections, 0)
})

test('without room for connections a port waits like the others, and can be given up', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  await using own = await openPorts(instance)
  const name = ownPortName(own.port)
  own.route({})
  await own.ports.hold([own.port])
  assert.equal(own.gate.pause(), false, 'there is no copy of its socket as yet')
  await own.gate.prepare()
  assert.equal(own.gate.pause(), true)
  assert.deepEqual(await given(own), [name])
  using client = new TestClient(own.port).send(get('/1'))
  await new Promise((resolve) => client.socket.once('connect', resolve))
  assert.equal(own.worker.connections, 0)
  await own.gate.resume()
  assert.deepEqual(await client.answers(1), [200])
  assert.deepEqual(await given(own), [name])
  assert.equal(own.gate.pause(), true, 'there is another copy')
  const resuming = own.gate.resume()
  own.route({ portMode: 'direct' })
  await resuming
  await until(() => own.ports.descriptors()[name] !== undefined, 'it is held')
  assert.deepEqual(await given(own), [name])
  const links = readdirSync('/proc/self/fd').map((fd) => linkOf(Number(fd)))
  const mine = linkOf(own.ports.descriptors()[name] ?? -1)
  assert.equal(
    links.filter((link) => link === mine).length,
    2,
    'the keeper has one, and the worker',
  )
})

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // It was closed meanwhile.
  }
}
