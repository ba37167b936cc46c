import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { BoundSocket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { serveHandback } from './serve-handback.ts'
import { takeBack } from './take-back.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-handback-'))
const holders = new Set<ChildProcess>()
after(async () => {
  for (const holder of holders) holder.kill('SIGKILL')
  await rm(dir, { recursive: true })
})

const entry = fileURLToPath(new URL('./fixtures/holder.ts', import.meta.url))
const names = ['http', 'api'] as const

async function startHolder(path: string, fds: readonly number[]): Promise<ChildProcess> {
  const stdio = ['ignore', 'pipe', 'inherit', ...fds] as const
  const holder = spawn(process.execPath, [entry, path], { stdio: [...stdio] })
  holders.add(holder)
  assert.ok(holder.stdout)
  await once(holder.stdout, 'data')
  return holder
}

function ask(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    connect(port, host)
      .on('data', (data) => resolve(String(data)))
      .on('error', reject)
  })
}

for (const host of ['127.0.0.1', '::']) {
  test(`the very same sockets come back, generation after generation, on ${host}`, async () => {
    const http = new BoundSocket({ host, port: 0, reusePort: true })
    const api = new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true })
    const [port, apiPort] = [http.address().port, api.address().port]
    let path = join(dir, `${host.length}-0.sock`)
    let holder = await startHolder(path, [http.fd(), api.fd()])
    http.close()
    api.close()
    for (let generation = 1; generation <= 2; generation++) {
      const taken = await takeBack({ path, names })
      assert.ok(taken.result === 'taken')
      const { http: again, api: alsoApi } = taken.sockets
      assert.ok(again && alsoApi)
      assert.deepEqual(again.address(), { address: host, port })
      assert.deepEqual(alsoApi.address(), { address: '127.0.0.1', port: apiPort })
      path = join(dir, `${host.length}-${generation}.sock`)
      const next = await startHolder(path, [again.fd, alsoApi.fd])
      again.close()
      alsoApi.close()
      holder.kill('SIGKILL')
      await once(holder, 'exit')
      assert.equal(await ask(port, host === '::' ? '127.0.0.1' : host), String(next.pid))
      holder = next
    }
  })
}

test('a holder gives all that it has, also what was not asked for', async () => {
  const [http, api] = [0, 0].map((port) => {
    return new BoundSocket({ host: '127.0.0.1', port, reusePort: true })
  })
  assert.ok(http && api)
  const path = join(dir, 'more.sock')
  await startHolder(path, [http.fd(), api.fd()])
  const taken = await takeBack({ path, names: ['http'] })
  assert.ok(taken.result === 'taken')
  assert.equal(taken.sockets['api']?.address()?.port, api.address().port)
  for (const socket of [http, api, ...Object.values(taken.sockets)]) socket.close()
})

test('where nobody listens, that is the answer', async () => {
  const taken = await takeBack({ path: join(dir, 'nobody.sock'), names })
  assert.deepEqual(taken, { result: 'nobody' })
})

test('a holder that hangs is given up after the limit', async () => {
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true })
  const path = join(dir, 'hung.sock')
  const holder = await startHolder(path, [socket.fd(), socket.fd()])
  socket.close()
  holder.kill('SIGSTOP')
  const started = performance.now()
  assert.deepEqual(await takeBack({ path, names, timeoutMs: 300 }), { result: 'expired' })
  assert.ok(performance.now() - started < 2_000)
})

test('only the owner may ask, a stale socket file is replaced, and no descriptor stays', async () => {
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true })
  const path = join(dir, 'own.sock')
  await writeFile(path, 'stale')
  await using _server = await serveHandback({ path, fds: { http: socket.fd() } })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const open = (): number => readdirSync('/proc/self/fd').length
  const before = open()
  const taken = await takeBack({ path, names: ['http'] })
  assert.ok(taken.result === 'taken')
  for (const held of Object.values(taken.sockets)) held.close()
  const limit = performance.now() + 5_000
  while (open() > before) {
    assert.ok(performance.now() < limit, `${open()} descriptors, not ${before}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  socket.close()
})
