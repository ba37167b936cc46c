import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { proxyAckTimeoutMs } from '../../model/limits.ts'
import { silentLog } from '../../model/log.ts'
import type { InstanceId } from '../../model/ids.ts'
import type { TlsTable } from '../../model/tls/tls-table.ts'
import type { ProxyInfo } from '../../wire/keeper-protocol.ts'
import { RouteListener } from '../fixtures/route-listener.ts'
import { ProxyLink } from './proxy-link.ts'
import { ProxyLinks } from './proxy-links.ts'

const folder = await mkdtemp(join(tmpdir(), 'viaduct-link-'))
after(() => rm(folder, { recursive: true }))

test('a drain waits until a worker that is only just connected to knows the routes', async () => {
  const info = { slot: 0, pid: process.pid, socket: join(folder, 'proxy.sock') }
  const table = { schema: 2, generation: 7, apps: [], defaultApp: null } as const
  await using link = new ProxyLink(info, () => table, {
    log: silentLog,
    onTlsAhead: () => assert.fail('No proxy is ahead here'),
    onAhead: () => assert.fail(),
  })
  const draining = link.drain('hello.v1.web.1.aaaa' as InstanceId, 1_000)
  await using listener = await RouteListener.open(info)
  listener.drainGate = Promise.resolve({ result: 'expired', cut: 3 })
  assert.deepEqual(await draining, { result: 'expired', cut: 3 })
  assert.equal(listener.table?.generation, 7)
})

test('a worker with later routes has not acknowledged earlier ones', async () => {
  const info = { slot: 0, pid: process.pid, socket: join(folder, 'ahead.sock') }
  const table = { schema: 2, generation: 7, apps: [], defaultApp: null } as const
  await using listener = await RouteListener.open(info)
  listener.tables.push({ ...table, generation: 50 })
  const { promise, resolve } = Promise.withResolvers<number>()
  await using link = new ProxyLink(info, () => table, {
    log: silentLog,
    onTlsAhead: () => assert.fail('No proxy is ahead here'),
    onAhead: resolve,
  })
  assert.equal(await promise, 50)
  let acknowledged = false
  const pushed = pushTo(link, 8).then(() => (acknowledged = true))
  await link.stats()
  assert.equal(acknowledged, false)
  await pushTo(link, 51)
  await pushed
  assert.equal(listener.table?.generation, 51)
})

test('nobody waits for a worker that was killed, though no keeper has said so', async () => {
  const socket = join(folder, 'dead.sock')
  const code = `require('net').createServer().listen(process.argv[1], () => console.log())`
  const worker = spawn(process.execPath, ['-e', code, socket])
  await once(worker.stdout, 'data')
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  const info = { slot: 0, pid: worker.pid ?? 0, socket }
  const table = { schema: 2, generation: 7, apps: [], defaultApp: null } as const
  const begun = performance.now()
  await using link = new ProxyLink(info, () => table, {
    log: silentLog,
    onTlsAhead: () => assert.fail('No proxy is ahead here'),
    onAhead: () => assert.fail(),
  })
  await pushTo(link, 8)
  assert.deepEqual(await link.drain('hello.v1.web.1.aaaa' as InstanceId, 1_000), {
    result: 'finished',
  })
  assert.ok(performance.now() - begun < proxyAckTimeoutMs / 2)
})

test('every worker gets the certificates, also one that comes later or comes back', async () => {
  const infos = ['one', 'two'].map((name, slot) => {
    return { slot, pid: process.pid, socket: join(folder, `tls-${name}.sock`) }
  })
  const [one, two] = infos as [ProxyInfo, ProxyInfo]
  await using links = new ProxyLinks(null, { log: silentLog, onAhead: () => assert.fail() })
  {
    await using first = await RouteListener.open(one)
    links.update([one])
    await until(() => links.stats().then(({ length }) => length === 1))
    await links.pushTls(snapshot(5))
    assert.equal(first.snapshots.at(-1)?.generation, 5)
    await using second = await RouteListener.open(two)
    links.update(infos)
    await until(() => second.snapshots.at(-1)?.generation === 5)
    await links.pushTls(snapshot(6))
    assert.equal(first.snapshots.at(-1)?.generation, 6)
    assert.equal(second.snapshots.at(-1)?.generation, 6)
  }
  await using again = await RouteListener.open(one)
  await until(() => again.snapshots.at(-1)?.generation === 6)
})

test('a worker with later certificates is told of', async () => {
  const info = { slot: 0, pid: process.pid, socket: join(folder, 'tls-ahead.sock') }
  await using listener = await RouteListener.open(info)
  listener.snapshots.push(snapshot(50))
  await using links = new ProxyLinks(null, { log: silentLog, onAhead: () => assert.fail() })
  const { promise, resolve } = Promise.withResolvers<number>()
  links.watchTls(resolve)
  links.update([info])
  await links.pushTls(snapshot(7))
  assert.equal(await promise, 50)
})

function snapshot(generation: number): TlsTable {
  const defaultCertificate = { names: [], certPem: '', keyPem: '', notAfter: 0 }
  return {
    ...{ schema: 1, generation, certificates: [], defaultCertificate, challenges: [] },
    ...{ httpChallenges: {}, ticketKeys: [], ticketKeysMadeAt: 0 },
    ...{ unknownName: 'default', minVersion: 'TLSv1.2' },
  }
}

async function until(predicate: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 5_000
  while (!(await predicate())) {
    assert.ok(performance.now() < limit, `Never: ${predicate.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function pushTo(link: ProxyLink, generation: number): Promise<void> {
  const change = { generation, previous: 7, set: [], removed: [], defaultApp: null }
  return link.push(change, () => ({ schema: 2, generation, apps: [], defaultApp: null }))
}
