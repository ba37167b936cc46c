/** Real workers that may have few descriptors. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { BoundSocket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { ownPortName } from '../../handback/own-port.ts'
import { takeBack } from '../../handback/take-back.ts'
import { type ProxyProcess, startProxyProcess } from '../fixtures/proxy-process.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { tlsTable } from '../fixtures/tls-proxy.ts'

const limit = 200

interface SmallProxy extends ProxyProcess {
  /** Leads to the app too. */
  readonly ownPort: number
  /** What it has said, until now. */
  said(): string
}

async function startSmall(port: number): Promise<SmallProxy> {
  const own = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const ownPort = own.address().port
  const table = routeTable(1, [{ ports: [port], port: ownPort }])
  const command = ['prlimit', `--nofile=${limit}:${limit}`]
  const proxy = await startProxyProcess(table, { command, tls: tlsTable(1), own })
  let said = ''
  const listen = (text: string): void => void (said += text)
  proxy.child.stdout?.on('data', listen)
  proxy.child.stderr?.on('data', listen)
  return { ...proxy, ownPort, said: () => said }
}

/** Answers `/now` at once, everything else when it is told to. */
class Patient extends TestInstance {
  #waiting: (() => void)[] = []

  constructor() {
    super((socket, all) => {
      const last = all.split('\r\n\r\n').at(-2) ?? ''
      if (last.startsWith('GET /now')) socket.write(ok('now'))
      else this.#waiting.push(() => socket.write(ok('later')))
    })
  }

  get waiting(): number {
    return this.#waiting.length
  }

  answer(): void {
    for (const answer of this.#waiting.splice(0)) answer()
  }
}

function open(proxy: ProxyProcess, count: number, text: string, port = proxy.port): TestClient[] {
  return Array.from({ length: count }, () => {
    const client = new TestClient(port)
    return text === '' ? client : client.send(text)
  })
}

/** Copies of all listeners are there: two descriptors for each of the three sockets. */
async function isPrepared(proxy: SmallProxy): Promise<void> {
  const dir = `/proc/${proxy.pid}/fd`
  const copies = (): number => {
    const links = readdirSync(dir).map((fd) => readLink(join(dir, fd)))
    return links.filter((link, i) => link.startsWith('socket:') && links.indexOf(link) < i).length
  }
  await until(() => copies() === 3, 'copies of all listeners')
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // It was closed meanwhile.
  }
}

const errorsOf = (clients: readonly TestClient[]): string[] =>
  clients.map(({ error }) => error).filter((error) => error !== '')

const waitLimitMs = 30_000

async function untilAll(clients: readonly TestClient[], what: string): Promise<void> {
  const end = performance.now() + waitLimitMs
  while (!clients.every((client) => client.statuses.length > 0 || client.isOver)) {
    assert.ok(performance.now() < end, what)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('with its descriptors used up a worker keeps what it has, and new clients wait', async () => {
  await using app = await new Patient().start()
  await using proxy = await startSmall(app.port)
  await isPrepared(proxy)
  const held = open(proxy, 55, get('/later'))
  await until(() => app.waiting === 55, 'all are with the instance')
  const late = [...open(proxy, 150, get('/now')), ...open(proxy, 50, get('/now'), proxy.ownPort)]
  await until(() => proxy.said().includes('proxy.accepting-paused'), 'the line in the log')
  const line = /\{.*proxy\.accepting-paused.*\}/.exec(proxy.said())?.[0] ?? '{}'
  const { hint, limit: named } = JSON.parse(line) as Record<string, unknown>
  assert.equal(named, limit)
  assert.match(String(hint), /Raise LimitNOFILE=/)
  assert.deepEqual(errorsOf([...held, ...late]), [])
  app.answer()
  for (const client of held) assert.deepEqual(await client.answers(1), [200])
  for (const client of held) client.send(get('/now'))
  for (const client of held) assert.deepEqual(await client.answers(2), [200, 200])
  for (const client of held) client.socket.destroy()
  await untilAll(late, 'those that waited are served')
  assert.deepEqual(errorsOf(late), [])
  assert.deepEqual(new Set(late.map(({ statuses }) => statuses[0])), new Set([200]))
  await until(() => proxy.said().includes('proxy.accepting-again'), 'it accepts again')
  assert.equal(proxy.said().match(/accepting-paused/g)?.length, 1, 'the line is repeated')
  for (const client of late) client.socket.destroy()
})

test('those that wait longest for a request make room, and nobody else', async () => {
  await using app = await new Patient().start()
  await using proxy = await startSmall(app.port)
  await isPrepared(proxy)
  const held = open(proxy, 40, get('/later'))
  await until(() => app.waiting === 40, 'all are with the instance')
  const silent = open(proxy, 60, '')
  const late = open(proxy, 60, get('/now'))
  await untilAll(late, 'new ones are served')
  assert.deepEqual(new Set(late.map(({ statuses }) => statuses[0])), new Set([200]))
  assert.ok(silent.filter(({ isOver }) => isOver).length > 0, 'no silent one was closed')
  app.answer()
  for (const client of held) assert.deepEqual(await client.answers(1), [200])
  for (const client of [...held, ...silent, ...late]) client.socket.destroy()
})

test('requests of connections that are here wait for descriptors and do not fail', async () => {
  await using app = await new Patient().start()
  await using proxy = await startSmall(app.port)
  const clients = open(proxy, 100, '')
  const control = await proxy.connect()
  let there = 0
  const look = async (): Promise<void> => {
    there = (await control.call('stats', null)).connections
  }
  await until(() => {
    void look()
    return there === 100
  }, 'all are connected')
  for (const client of clients) client.send(get('/later'))
  await until(() => app.waiting > 40, 'many are with the instance')
  assert.ok(app.waiting < 70, `${app.waiting} are with the instance`)
  const answers = setInterval(() => app.answer(), 20)
  await untilAll(clients, 'all are answered').finally(() => clearInterval(answers))
  assert.deepEqual(new Set(clients.map(({ statuses }) => statuses[0])), new Set([200]))
  for (const client of clients) client.socket.destroy()
  control.close()
})

test('the sockets go back to a keeper also while nothing is accepted, and after', async () => {
  await using app = await new Patient().start()
  await using proxy = await startSmall(app.port)
  await isPrepared(proxy)
  const path = proxy.layout.handbackSocket(0, proxy.pid)
  const portsOf = async (): Promise<unknown> => {
    const taken = await takeBack({ path, names: ['http', 'api', 'https'], timeoutMs: 10_000 })
    assert.ok(taken.result === 'taken', taken.result)
    const { http, https, [ownPortName(proxy.ownPort)]: own } = taken.sockets
    const ports = [http, https, own].map((socket) => socket?.address()?.port)
    for (const socket of Object.values(taken.sockets)) socket.close()
    return ports
  }
  const held = open(proxy, 120, get('/later'))
  await until(() => proxy.said().includes('proxy.accepting-paused'), 'it is short')
  const all = [proxy.port, proxy.httpsPort, proxy.ownPort]
  assert.deepEqual(await portsOf(), all)
  for (const client of held) client.socket.resetAndDestroy()
  await until(() => proxy.said().includes('proxy.accepting-again'), 'it accepts again')
  assert.deepEqual(await portsOf(), all)
  using client = new TestClient(proxy.port).send(get('/now'))
  assert.deepEqual(await client.answers(1), [200])
})
