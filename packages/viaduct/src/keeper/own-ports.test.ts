import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ownPortsMax } from '../model/limits.ts'
import { OwnPorts } from './own-ports.ts'

const host = '127.0.0.1'
const none = new Map<number, never>()

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

test('a port is bound once, given by its name, and free again when it is closed', async () => {
  const ports = new OwnPorts({ host, taken: none })
  const port = await freePort()
  ports.open(port, { again: false })
  ports.open(port, { again: false })
  assert.deepEqual(ports.list(), [port])
  assert.deepEqual(ports.descriptors(), { [`port:${port}`]: ports.descriptor(port) })
  ports.close(port)
  ports.close(port)
  assert.throws(() => ports.descriptor(port), { code: 'internal' })
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  server.close()
})

test('a port that somebody listens on is refused, also when it is opened again', async () => {
  const stranger = createServer().listen(0, host)
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  const ports = new OwnPorts({ host, taken: none })
  for (const again of [false, true]) {
    assert.throws(() => ports.open(port, { again }), {
      code: 'port-taken',
      message: `Port ${port} on 127.0.0.1 (own port of an app) is in use`,
    })
  }
  assert.deepEqual(ports.list(), [])
  stranger.close()
})

test('an old instance may still have the port that is opened again, another keeper not', async () => {
  const before = new OwnPorts({ host, taken: none })
  const port = await freePort()
  before.open(port, { again: false })
  const old = createServer().listen({ fd: before.descriptor(port) })
  await once(old, 'listening')
  const ports = new OwnPorts({ host, taken: none })
  assert.throws(() => ports.open(port, { again: false }), { code: 'port-taken' })
  ports.open(port, { again: true })
  ports.closeAll()
  old.close()
})

test('a low port wants root, and the error says so', async () => {
  const own = new URL('./own-ports.ts', import.meta.url).href
  const code = `const { OwnPorts } = await import(${JSON.stringify(own)})
    const ports = new OwnPorts({ host: '${host}', taken: new Map() })
    try { ports.open(81, { again: false }) } catch ({ code, message, hint }) {
      console.log([code, message, hint].join('|'))
    }`
  const uid = process.getuid?.() === 0 ? 65_534 : process.getuid?.()
  const args = ['--input-type=module', '-e', code]
  const { stdout } = await promisify(execFile)(process.execPath, args, { ...(uid && { uid }) })
  const hint = 'Ports below 1024 need root, or the capability net_bind_service.'
  const message = 'Port 81 on 127.0.0.1 (own port of an app) is not allowed'
  assert.equal(stdout.trim(), `port-taken|${message}|${hint}`)
})

test('there may be so many and no more', () => {
  const taken = new Map(
    Array.from({ length: ownPortsMax }, (_, index) => {
      return [index + 1, { fd: -1, address: host, port: index + 1, close: () => {} }] as const
    }),
  )
  const ports = new OwnPorts({ host, taken })
  ports.open(1, { again: false })
  assert.throws(() => ports.open(ownPortsMax + 1, { again: false }), { code: 'bad-request' })
})
