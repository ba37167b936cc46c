/**
 * The proxy's own process: `viaduct proxy --data DIR --slot N`, with the bound http socket as
 * descriptor 3, the API's as 4, and that for https, where there is one, as 5; ports of apps' own
 * follow (`VIADUCT_OWN_PORTS`). It has its routes and certificates before it listens, and serves on
 * with the last ones when daemon or keeper are gone.
 */
import { readFile, rm } from 'node:fs/promises'
import type { Server } from 'node:net'
import { parseArgs } from 'node:util'
import { readPersisted } from '../durable/read-persisted.ts'
import { serveHandback } from '../handback/serve-handback.ts'
import { collectAllGarbage } from '../memory/collect-garbage.ts'
import { collectWhenIdle } from '../memory/collect-when-idle.ts'
import { messageOf, systemCodeOf } from '../model/app-error.ts'
import { dataLayout, type DataLayout } from '../model/layout.ts'
import { drainTimeoutMs, listenBacklog } from '../model/limits.ts'
import type { RouteTable } from '../model/routing/route.ts'
import { parseRouteFile } from '../model/routing/route-file.ts'
import { parseInherited } from '../handback/own-port.ts'
import { isTlsTable } from '../model/tls/tls-table.ts'
import { readSettings } from '../settings/settings-file.ts'
import { AcceptGate } from './accept/accept-gate.ts'
import { DescriptorGuard } from './accept/descriptor-guard.ts'
import { descriptors, readDescriptorLimit } from './accept/descriptors.ts'
import { openControlServer } from './control-server.ts'
import { AccessLog } from './observe/access-log.ts'
import { OwnPorts } from './ports/own-ports.ts'
import { Worker } from './serve/worker.ts'
import type { TlsListener } from './tls/tls-listener.ts'

const httpFd = 3
const apiFd = 4
const httpsFd = 5

/** @param argv `proxy --data DIR --slot N [--no-access-log]` */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv.slice(1),
    options: {
      data: { type: 'string' },
      slot: { type: 'string' },
      'no-access-log': { type: 'boolean' },
    },
  })
  const layout = dataLayout(values.data ?? '')
  const slot = Number(values.slot)
  const settings = await readSettings(layout.root)
  const accessLog = new AccessLog({
    fileOf: (app) => layout.app(app).accessLog(slot),
    refusedFile: layout.refusalLog(slot),
    maxBytes: settings.logFileMaxBytes,
    filesKept: settings.logFilesKept,
    withAgent: settings.accessLogAgent === 'on',
  })
  await using worker = new Worker(values['no-access-log'] === true ? null : accessLog, {
    usesAppHeader: settings.xApp === 'on',
    trustedProxies: settings.trustedProxies.split(','),
    proxyProtocol: settings.proxyProtocol === 'on',
  })
  worker.httpsPortOf = (hostname) => (worker.certs.find(hostname) ? settings.httpsPort : null)
  const table = await readRoutes(layout)
  if (table) worker.router.apply(table)
  const path = layout.proxySocket(slot, process.pid)
  await rm(path, { force: true })
  const { certs } = worker
  using gate = new AcceptGate()
  const openTls = once(() => openTlsFor(worker, layout))
  const ownPorts = new OwnPorts(worker, {
    source: layout.ownPortsSocket,
    inherited: parseInherited(process.env.VIADUCT_OWN_PORTS),
    ...{ gate, openTls },
  })
  const control = await openControlServer(worker, { path, slot, certs, ownPorts })
  gate.add('http', await listen(worker.server, httpFd))
  if (settings.httpsPort !== null)
    gate.add('https', await listen((await openTls()).server, httpsFd))
  ownPorts.follow()
  const { httpsPort } = settings
  worker.httpsPortOf = (hostname) => (certs.find(hostname) ? httpsPort : null)
  const handback = await serveHandback({
    path: layout.handbackSocket(slot, process.pid),
    fds: () => ({ ...gate.descriptors(), api: apiFd, ...ownPorts.descriptors() }),
  })
  await descriptors.watch(readDescriptorLimit())
  worker.guard = new DescriptorGuard(worker, { gate, descriptors, say })
  say('proxy.listening', { slot, pid: process.pid, generation: worker.router.generation })
  collectAllGarbage()
  using _idle = collectWhenIdle()
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  say('proxy.leaving', { connections: worker.connections })
  // The listener's descriptor is closed next: it must not be given to anybody any more.
  await handback[Symbol.asyncDispose]()
  ownPorts.close()
  gate[Symbol.dispose]()
  await worker.leave(drainTimeoutMs)
  await control.close()
  await rm(path, { force: true })
  await rm(handback.path, { force: true })
}

/** The backlog is the second argument; in the options it is not looked at beside `fd`. */
function listen(server: Server, fd: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd }, listenBacklog, () => resolve(server))
  })
}

/** Where TLS is not served, it is not loaded either. */
async function openTlsFor(worker: Worker, layout: DataLayout): Promise<TlsListener> {
  const { certs } = worker
  try {
    const table = await readPersisted(layout.tls, { schema: 1, isRight: isTlsTable })
    if (table) certs.apply(table)
  } catch (error) {
    // Plain HTTP goes on, and the daemon writes the file anew.
    say('proxy.tls-unread', { error: messageOf(error) })
  }
  const { openTlsListener } = await import('./tls/tls-listener.ts')
  return openTlsListener(worker, certs)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

async function readRoutes(layout: DataLayout): Promise<RouteTable | null> {
  try {
    return parseRouteFile(await readFile(layout.routes, 'utf8'), layout.routes)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

function say(event: string, fields: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), event, ...fields }))
}
