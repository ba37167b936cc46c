/** What is open at a keeper and at the proxies, with the keeper's own ports in this process. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { OwnPorts } from '../../keeper/own-ports.ts'
import type { KeeperCalls, KeeperState } from '../../wire/keeper-protocol.ts'
import { OwnPortBook } from './own-port-book.ts'

interface Ask {
  readonly port: number
  readonly again: boolean
}

function openBook() {
  const ports = new OwnPorts({ host: '127.0.0.1', taken: new Map() })
  const held: number[][] = []
  const errors: string[] = []
  const answers: Partial<Record<keyof KeeperCalls, (ask: never) => unknown>> = {
    list: () => ({ ownPorts: ports.list() }),
    openPort: ({ port, again }: Ask) => ports.open(port, { again }),
    closePort: ({ port }: Ask) => ports.close(port),
  }
  const call = async (name: keyof KeeperCalls, ask: unknown) => answers[name]?.(ask as never)
  const nothing = (): void => {}
  const book = new OwnPortBook({
    keeper: { call: call as never },
    proxies: { holdPorts: async (all) => void held.push([...all]) },
    log: {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (event) => void errors.push(event),
    },
  })
  const state = (): KeeperState => ({ ownPorts: ports.list() }) as unknown as KeeperState
  const dispose = (): void => ports.closeAll()
  return { book, ports, held, errors, state, [Symbol.dispose]: dispose }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

test('a port is opened once, and the proxies hold all that there are', async () => {
  using own = openBook()
  const [a = 0, b = 0] = await freePorts(2)
  await own.book.open(a, { again: false })
  await own.book.open(b, { again: false })
  await own.book.open(a, { again: false })
  assert.deepEqual(own.ports.list(), [a, b])
  assert.deepEqual(own.held, [[a], [a, b], [a, b]])
})

test('a port that cannot be had changes nothing', async () => {
  using own = openBook()
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  await assert.rejects(own.book.open(port, { again: false }), { code: 'port-taken' })
  assert.deepEqual([own.ports.list(), own.held], [[], []])
  await once(stranger.close(), 'close')
  await own.book.open(port, { again: false })
  assert.deepEqual(own.ports.list(), [port])
})

test('what nobody wants is closed, what was lost is opened, and only changes are told', async () => {
  using own = openBook()
  const [a = 0, b = 0, c = 0] = await freePorts(3)
  own.ports.open(a, { again: false })
  own.ports.open(b, { again: false })
  await own.book.settle(new Set([b, c]))
  assert.deepEqual(own.ports.list(), [b, c])
  assert.deepEqual(own.held, [[b, c]])
  await own.book.settle(new Set([b, c]))
  assert.equal(own.held.length, 1, 'nothing has changed')
  await own.book.settle(new Set([b, c]), own.state())
  assert.equal(own.held.length, 2, 'a keeper that is met again may have other proxies')
  await own.book.settle(new Set())
  assert.deepEqual([own.ports.list(), own.held.at(-1)], [[], []])
})

test('a lost port that somebody else has taken is logged, and the others are opened', async () => {
  using own = openBook()
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const taken = (stranger.address() as AddressInfo).port
  const [free = 0] = await freePorts(1)
  await own.book.settle(new Set([taken, free]), own.state())
  assert.deepEqual([own.ports.list(), own.held, own.errors], [[free], [[free]], ['port.not-open']])
  await once(stranger.close(), 'close')
  await own.book.settle(new Set([taken, free]), own.state())
  assert.deepEqual(own.ports.list(), [free, taken])
})
