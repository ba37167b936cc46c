/**
 * The proxy's own process: `viaduct proxy --data DIR --slot N`, with the bound http socket as
 * descriptor 3 and the API's as 4. It has its routes before it listens, and serves on with the last
 * ones when daemon or keeper are gone.
 */
import { readFile, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { serveHandback } from '../handback/serve-handback.ts'
import { collectStartGarbage } from '../memory/collect-garbage.ts'
import { systemCodeOf } from '../model/app-error.ts'
import { dataLayout, type DataLayout } from '../model/layout.ts'
import { drainTimeoutMs, listenBacklog } from '../model/limits.ts'
import type { RouteTable } from '../model/route.ts'
import { parseRouteFile } from '../model/route-file.ts'
import { readSettings } from '../settings/settings-file.ts'
import { openControlServer } from './control-server.ts'
import { AccessLog } from './observe/access-log.ts'
import { Worker } from './serve/worker.ts'

const httpFd = 3
const apiFd = 4

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
    maxBytes: settings.logFileMaxBytes,
    filesKept: settings.logFilesKept,
  })
  await using worker = new Worker(values['no-access-log'] === true ? null : accessLog)
  const table = await readRoutes(layout)
  if (table) worker.router.apply(table)
  const path = layout.proxySocket(slot, process.pid)
  await rm(path, { force: true })
  const control = await openControlServer(worker, { path, slot })
  await listen(worker)
  const handback = await serveHandback({
    path: layout.handbackSocket(slot, process.pid),
    fds: { http: httpFd, api: apiFd },
  })
  say('proxy.listening', { slot, pid: process.pid, generation: worker.router.generation })
  collectStartGarbage()
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  say('proxy.leaving', { connections: worker.connections })
  // The listener's descriptor is closed next: it must not be given to anybody any more.
  await handback[Symbol.asyncDispose]()
  await worker.leave(drainTimeoutMs)
  await control.close()
  await rm(path, { force: true })
  await rm(handback.path, { force: true })
}

/** The backlog is the second argument; in the options it is not looked at beside `fd`. */
function listen(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.server.once('error', reject)
    worker.server.listen({ fd: httpFd }, listenBacklog, () => resolve())
  })
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
