/**
 * What the daemon says to each proxy worker over `run/proxy-SLOT-PID.sock`.
 */
import type { AppName, InstanceId, ReleaseNumber } from '../model/ids.ts'
import type { RouteChange, RouteTable } from '../model/routing/route.ts'
import type { TlsTable } from '../model/tls/tls-table.ts'

/** Counters of one worker since it started. */
export interface ProxyStats {
  readonly slot: number
  readonly pid: number
  /** Unix milliseconds: what is counted, is counted from here on. */
  readonly startedAt: number
  readonly generation: number
  /** Client connections open now. */
  readonly connections: number
  readonly clients: ClientCounters
  /** Requests that never had an app, by `viaduct-error` reason. */
  readonly refused: Readonly<Record<string, number>>
  readonly apps: Readonly<Record<AppName, AppCounters>>
  readonly upstreams: Readonly<Record<InstanceId, UpstreamCounters>>
}

export interface ClientCounters {
  readonly accepted: { readonly plain: number; readonly tls: number }
  /** Of TLS. */
  readonly handshakes: { readonly ok: number; readonly failed: number }
  readonly http2: {
    readonly sessions: number
    readonly sessionsOpen: number
    readonly streams: number
    readonly streamsOpen: number
  }
}

export interface AppCounters {
  readonly requests: number
  /** Begun and not answered to the end, also those that wait, and tunnels. */
  readonly inFlight: number
  /** Answered by the platform, or cut off by it, by `viaduct-error` reason. */
  readonly errors: Readonly<Record<string, number>>
  /** Requests that had to wait for an instance, or, `queued`, because of a limit. */
  readonly held: number
  readonly queued: number
  /** Requests that wait for either now. */
  readonly waiting: number
  readonly retries: number
  /** Times that an instance was taken out after failures in a row. */
  readonly ejections: number
  /** Instances that are taken out now. */
  readonly ejected: number
  /** Of requests and answers that are complete, and of tunnels, without what TLS adds. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** WebSockets and the like: open now, and ever. */
  readonly tunnels: number
  readonly tunnelsOpened: number
  readonly releases: readonly ReleaseCounters[]
  /** Milliseconds over the requests since the last minute or so. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** null: no request was answered as yet. */
  readonly latencyBuckets: LatencyBuckets | null
}

export interface ReleaseCounters {
  readonly release: ReleaseNumber | null
  /** Answers; index 1 to 5: 1xx to 5xx, 0: another status. A tunnel counts when it is opened. */
  readonly codes: readonly number[]
}

export interface LatencyBuckets {
  /** By the limits of `latencyBucketsMs`, each without the ones before; the last one: the rest. */
  readonly counts: readonly number[]
  readonly sumMs: number
}

export interface UpstreamCounters {
  readonly requests: number
  /** Requests and tunnels in progress. */
  readonly inFlight: number
}

export type DrainResult =
  | { readonly result: 'finished' }
  /** Time was up and `cut` requests and tunnels were closed. */
  | { readonly result: 'expired'; readonly cut: number }

/** `generation` is the one in force now. */
export interface Applied {
  readonly applied: boolean
  readonly generation: number
}

/** @see openRpcServer */
export type ProxyCalls = {
  /**
   * Applies a snapshot: from its answer on no new request reaches an upstream that is not in it.
   * A generation that is not newer is refused: `applied` false, with the one in force.
   */
  routes: { args: RouteTable; result: Applied }
  /**
   * The same for what has changed since the generation that is in force. When that is not
   * `previous`, nothing is applied: send the snapshot.
   */
  change: { args: RouteChange; result: Applied }
  /**
   * Has it hold the sockets of these ports of apps, and of no others: it gets them from the keeper.
   * It accepts on those that its routes lead to. @returns Those that it has.
   */
  ownPorts: { args: readonly number[]; result: readonly number[] }
  /** Which one is in force; 0: none has been. */
  generation: { args: null; result: number }
  /** As `routes`, for certificates; has a generation of its own. */
  tls: { args: TlsTable; result: Applied }
  /**
   * Waits until the upstream (no longer routed) has nothing in flight, at most `drainTimeoutMs`,
   * then cuts the rest. Call it with a limit above that (`answerMarginMs`).
   * A rollback may route it again meanwhile: nothing is cut then, the result is `finished`.
   */
  drain: { args: { upstream: InstanceId; drainTimeoutMs: number }; result: DrainResult }
  stats: { args: null; result: ProxyStats }
}

export type ProxyEvents = Record<string, never>
