/**
 * gRPC as its own library speaks it (`python3-grpcio` of Debian), through a real proxy: a client
 * over TLS, an app that speaks HTTP/2 without it (`http.protocol: h2c`).
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { testCertificate, tlsTable } from '../../packages/viaduct/src/proxy/fixtures/tls-proxy.ts'
import { debianPython, type DebianTool } from '../../tools/debian-tools.ts'

const programs = join(import.meta.dirname, '../fixtures/grpc')

interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  /** The next line that it prints. */
  line(): Promise<string>
  /** Nothing of it is left. */
  end(): Promise<void>
}

function start(python: DebianTool, file: string, ...args: string[]): Program {
  // A proxy of the machine's is none of ours.
  const env = { ...process.env, ...python.env, no_proxy: '*', GRPC_VERBOSITY: 'NONE' }
  const child = spawn(python.command, [join(programs, file), ...args], {
    ...{ env, stdio: ['pipe', 'pipe', 'inherit'] },
  })
  const gone = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  return {
    ...{ child, end, [Symbol.asyncDispose]: end },
    async line() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${file} ended without a word`)
      return value
    },
  }
}

test('calls of every kind pass, with their metadata, deadlines, errors and ends', async (t) => {
  const python = await debianPython('python3-grpcio', 'grpc')
  if (!python) return t.skip('The library of gRPC cannot be had on this machine')
  await using server = start(python, 'server.py')
  const ports = [Number(await server.line())]
  const routes = routeTable(1, [{ ports, http: { protocol: 'h2c' }, holdTimeoutMs: 1 }])
  await using proxy = await startProxyProcess(routes, { tls: tlsTable(1) })
  const root = join(proxy.layout.root, 'root.pem')
  await writeFile(root, testCertificate.certPem)
  await using client = start(python, 'client.py', `127.0.0.1:${proxy.httpsPort}`, root)
  const { timeLeft, ...result } = JSON.parse(await client.line()) as { timeLeft: number }
  // What is sent of it is rounded.
  assert.ok(timeLeft > 0 && timeLeft < 31, `time left: ${timeLeft}`)
  const failure = (code: string, details: string, trailers = {}): object => ({
    ...{ code, details, trailers },
  })
  assert.deepEqual(result, {
    say: ['HELLO', 'yes', [0, 255], 'OK'],
    ...{ count: 499_500, measure: 5_000_000, large: 3_000_000, many: 100 },
    chat: Array.from({ length: 100 }, (_, n) => `!${[...`${n}`].toReversed().join('')}`),
    fail: failure('FAILED_PRECONDITION', 'nö: 100 % \n', { 'x-last': 'yes' }),
    failLate: ['one', failure('DATA_LOSS', 'in the middle')],
    unknown: 'UNIMPLEMENTED',
    cancel: ['CANCELLED', 'yes'],
    deadline: ['DEADLINE_EXCEEDED', 'yes'],
  })
  await server.end()
  client.child.stdin?.write('\n')
  assert.deepEqual(JSON.parse(await client.line()), { gone: 'UNAVAILABLE' })
})
