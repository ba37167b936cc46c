/**
 * Connections of HTTP/2 without TLS to instances that speak it (`protocol: "h2c"`): one per
 * instance, which carries all its requests.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import {
  h2ConnectionWindowBytes,
  h2StreamWindowBytes,
  headersMax,
  headMaxBytes,
  upstreamIdleMs,
} from '../../model/proxy-limits.ts'
import type { Upstream } from '../route/upstream.ts'

const options = {
  maxHeaderListPairs: headersMax,
  strictSingleValueFields: false,
  settings: {
    enablePush: false,
    initialWindowSize: h2StreamWindowBytes,
    maxHeaderListSize: headMaxBytes,
  },
}

const sessions = new WeakMap<Upstream, H2cSession>()

/** The living session of an instance, or a new one. */
export function h2cSessionOf(upstream: Upstream): H2cSession {
  const known = sessions.get(upstream)
  if (known?.isUsable === true) return known
  const session = new H2cSession(upstream)
  sessions.set(upstream, session)
  return session
}

/** Exactly one of them is called, later. */
interface Waiting {
  readonly onReady: () => void
  readonly onFailed: () => void
}

/** One connection to an instance; it closes when it has had no request for a while. */
export class H2cSession {
  readonly #session: ClientHttp2Session
  #streams = 0
  #isReady = false
  readonly #waiting: Waiting[] = []

  constructor(upstream: Upstream) {
    const { connect } = process.getBuiltinModule('node:http2')
    const { host, port } = upstream
    this.#session = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, options)
    this.#session.on('connect', () => {
      this.#isReady = true
      this.#session.setLocalWindowSize(h2ConnectionWindowBytes)
      for (const { onReady } of this.#waiting.splice(0)) onReady()
    })
    this.#session.on('close', () => {
      for (const { onFailed } of this.#waiting.splice(0)) onFailed()
    })
    // Each of its streams ends with an error too, and that is looked at.
    this.#session.on('error', () => this.#session.destroy())
    this.#session.on('goaway', () => this.#session.close())
    this.#session.on('timeout', () => this.#session.close())
    this.#watchIdle()
  }

  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed
  }

  whenReady(waiting: Waiting): void {
    if (!this.#isReady) this.#waiting.push(waiting)
    else process.nextTick(this.isUsable ? waiting.onReady : waiting.onFailed)
  }

  /** @param fields Names and values in turn. */
  request(fields: string[], endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(fields, { endStream, waitForTrailers: !endStream })
    this.#streams++
    this.#session.setTimeout(0)
    stream.once('close', () => {
      this.#streams--
      this.#watchIdle()
    })
    return stream
  }

  #watchIdle(): void {
    if (this.#streams === 0 && this.isUsable) this.#session.setTimeout(upstreamIdleMs)
  }
}
