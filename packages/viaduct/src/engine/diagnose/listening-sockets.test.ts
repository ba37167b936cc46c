import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { listeningSockets } from './listening-sockets.ts'

interface App extends AsyncDisposable {
  readonly pid: number
  /** What it printed first: its ports. */
  readonly said: unknown
}

async function start(command: string, args: string[]): Promise<App> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  return {
    pid: child.pid!,
    said: JSON.parse(chunk.toString()),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

function node(source: string): Promise<App> {
  return start(process.execPath, ['-e', source])
}

test('finds IPv4, IPv6 and wildcard sockets, and no others', async () => {
  await using app = await node(`
    const net = require('node:net'), ports = {}
    const listen = (host) => new Promise((resolve) => {
      const server = net.createServer().listen({ port: 0, host }, () => resolve(server.address().port))
    })
    ;(async () => {
      for (const host of ['127.0.0.1', '0.0.0.0', '::', '::1']) ports[host] = await listen(host)
      net.connect(ports['127.0.0.1'], '127.0.0.1')
      require('node:dgram').createSocket('udp4').bind(0)
      net.createServer().listen('\\0viaduct-test-' + process.pid)
      console.log(JSON.stringify(ports))
    })()`)
  const ports = app.said as Record<string, number>
  const found = await listeningSockets([app.pid])
  const byHost = Object.fromEntries(found.map(({ address, port }) => [address, port]))
  assert.deepEqual(byHost, ports)
  assert.ok(found.every((socket) => socket.pid === app.pid))
  assert.equal(found.length, 4)
})

test('finds an IPv4 address in an IPv6 socket as IPv4, in a program that is not Node.js', async () => {
  await using app = await start('perl', [
    '-MSocket=:all',
    '-e',
    `
socket(S, AF_INET6, SOCK_STREAM, 0) or die $!;
setsockopt(S, IPPROTO_IPV6, IPV6_V6ONLY, pack("i", 0)) or die $!;
bind(S, pack_sockaddr_in6(0, inet_pton(AF_INET6, "::ffff:127.0.0.1"))) or die $!;
listen(S, 5) or die $!;
my ($port) = unpack_sockaddr_in6(getsockname(S));
$| = 1; print "$port\n"; sleep 60`,
  ])
  assert.deepEqual(await listeningSockets([app.pid]), [
    { address: '127.0.0.1', port: app.said, pid: app.pid },
  ])
})

test('says nothing about processes that are gone, that are not listed, or that only connect', async () => {
  await using other = await node(`
    require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`)
  await using client = await node(`
    const socket = require('node:net').connect(${String(other.said)}, '127.0.0.1')
    socket.on('connect', () => console.log('"connected"'))`)
  assert.deepEqual(await listeningSockets([]), [])
  assert.deepEqual(await listeningSockets([2 ** 30]), [])
  assert.deepEqual(await listeningSockets([client.pid, 2 ** 30]), [])
  const [found] = await listeningSockets([client.pid, other.pid])
  assert.deepEqual(found, { address: '127.0.0.1', port: other.said, pid: other.pid })
})

test('a socket that two processes share is told for each', async () => {
  await using app = await node(`
    const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
      const child = require('node:child_process').spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] })
      process.on('SIGTERM', () => { child.kill('SIGKILL'); process.exit() })
      console.log(JSON.stringify({ port: server.address().port, child: child.pid }))
    })`)
  const { port, child } = app.said as { port: number; child: number }
  try {
    const found = await listeningSockets([app.pid, child])
    assert.deepEqual(
      found.map((socket) => [socket.port, socket.pid]),
      [
        [port, app.pid],
        [port, child],
      ],
    )
  } finally {
    process.kill(child, 'SIGKILL')
  }
})

test('finds all of many sockets, in the order of their ports', async () => {
  await using app = await node(`
    const net = require('node:net'), count = 60
    let open = 0
    for (let i = 0; i < count; i++) {
      net.createServer().listen(0, '127.0.0.1', () => ++open === count && console.log(open))
    }`)
  const found = await listeningSockets([app.pid])
  assert.equal(found.length, 60)
  const ports = found.map(({ port }) => port)
  assert.deepEqual(
    ports,
    ports.toSorted((a, b) => a - b),
  )
})
