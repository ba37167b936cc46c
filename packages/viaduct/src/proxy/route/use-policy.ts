/** How an app's instances are used: what its `http` options say, and the defaults for the rest. */
import {
  ejectAfterFailures,
  ejectForMs,
  idleBodyTimeoutMs,
  queueMax,
  queueTimeoutMs,
} from '../../model/limits.ts'
import {
  responseHeadTimeoutMs,
  upstreamConnectTimeoutMs,
  webSocketCloseSpreadMs,
} from '../../model/proxy-limits.ts'
import type { HttpOptions } from '../../model/routing/http-options.ts'

export interface UsePolicy {
  /** Instances speak HTTP/2 without TLS. */
  readonly isH2c: boolean
  readonly connectTimeoutMs: number
  readonly headTimeoutMs: number
  readonly idleBodyTimeoutMs: number
  /** Infinity: no limit. */
  readonly instanceRequestsMax: number
  readonly appRequestsMax: number
  readonly queueMax: number
  readonly queueTimeoutMs: number
  /** Infinity: never. */
  readonly ejectAfterFailures: number
  readonly ejectForMs: number
  /** 0: off. */
  readonly slowStartMs: number
  /** null: WebSockets of an instance that leaves are kept. */
  readonly closeWebSocketsWithinMs: number | null
}

/** @param options Checked when they were taken in. */
export function usePolicyOf(options: HttpOptions): UsePolicy {
  const { webSockets } = options
  return {
    isH2c: options.protocol === 'h2c',
    connectTimeoutMs: options.connectTimeoutMs ?? upstreamConnectTimeoutMs,
    headTimeoutMs: options.headTimeoutMs ?? responseHeadTimeoutMs,
    idleBodyTimeoutMs: options.idleBodyTimeoutMs ?? idleBodyTimeoutMs,
    instanceRequestsMax: options.instanceRequestsMax ?? Infinity,
    appRequestsMax: options.appRequestsMax ?? Infinity,
    queueMax: options.queueMax ?? queueMax,
    queueTimeoutMs: options.queueTimeoutMs ?? queueTimeoutMs,
    ejectAfterFailures: (options.ejectAfterFailures ?? ejectAfterFailures) || Infinity,
    ejectForMs: options.ejectForMs ?? ejectForMs,
    slowStartMs: options.slowStartMs ?? 0,
    closeWebSocketsWithinMs:
      webSockets?.onDeploy === 'close' ? (webSockets.spreadMs ?? webSocketCloseSpreadMs) : null,
  }
}
