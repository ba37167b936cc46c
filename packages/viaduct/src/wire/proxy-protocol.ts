/**
 * What the daemon says to each proxy worker over `run/proxy-SLOT-PID.sock`.
 */
import type { AppName, InstanceId } from '../model/ids.ts'
import type { RouteChange, RouteTable } from '../model/route.ts'
import type { TlsTable } from '../model/tls.ts'

/** Counters of one worker since it started. */
export interface ProxyStats {
  readonly slot: number
  readonly pid: number
  readonly generation: number
  /** Client connections open now. */
  readonly connections: number
  readonly apps: Readonly<Record<AppName, AppCounters>>
  readonly upstreams: Readonly<Record<InstanceId, UpstreamCounters>>
}

export interface AppCounters {
  readonly requests: number
  /** Answered by the platform, by `viaduct-error` reason. */
  readonly errors: Readonly<Record<string, number>>
  readonly held: number
  readonly retries: number
  /** Times that an instance was taken out after failures in a row. */
  readonly ejections: number
  /** Milliseconds over the requests since the last minute or so. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
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
