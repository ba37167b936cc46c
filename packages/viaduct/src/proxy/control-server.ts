/** Answers the daemon: new routes, drains, counters. See `wire/proxy-protocol.ts`. */
import type { AppName, InstanceId } from '../model/ids.ts'
import type {
  AppCounters,
  ProxyCalls,
  ProxyEvents,
  ProxyStats,
  UpstreamCounters,
} from '../wire/proxy-protocol.ts'
import { openRpcServer, type RpcServer } from '../wire/rpc.ts'
import type { OwnPorts } from './ports/own-ports.ts'
import type { Worker } from './serve/worker.ts'
import type { CertTable } from './tls/cert-table.ts'

/** Unix milliseconds. */
const startedAt = Math.round(performance.timeOrigin)

/** @param options.path Unix socket; a file that is there is the caller's to remove. */
export function openControlServer(
  worker: Worker,
  options: { path: string; slot: number; certs: CertTable; ownPorts: OwnPorts },
): Promise<RpcServer<ProxyEvents>> {
  return openRpcServer<ProxyCalls, ProxyEvents>({
    path: options.path,
    handlers: {
      routes: (table) => {
        const applied = worker.router.apply(table)
        options.ownPorts.follow()
        return { applied, generation: worker.router.generation }
      },
      change: (change) => {
        const applied = worker.router.change(change)
        options.ownPorts.follow()
        return { applied, generation: worker.router.generation }
      },
      ownPorts: (ports) => options.ownPorts.hold(ports),
      generation: () => worker.router.generation,
      tls: (table) => {
        const { certs } = options
        return { applied: certs.apply(table), generation: certs.generation }
      },
      drain: async ({ upstream: id, drainTimeoutMs }) => {
        const upstream = worker.router.upstream(id)
        return upstream ? await upstream.drain(drainTimeoutMs) : { result: 'finished' as const }
      },
      stats: () => readStats(worker, options.slot),
    },
  })
}

function readStats(worker: Worker, slot: number): ProxyStats {
  const { router, connections, deadlines } = worker
  const apps: Record<AppName, AppCounters> = {}
  const upstreams: Record<InstanceId, UpstreamCounters> = {}
  for (const app of router.apps) apps[app.name] = app.counters(deadlines.now)
  for (const upstream of router.upstreams) upstreams[upstream.id] = upstream.counters()
  return {
    ...{ slot, pid: process.pid, startedAt, generation: router.generation, connections },
    clients: worker.clients.read(),
    refused: worker.refusals(),
    ...{ apps, upstreams },
  }
}
