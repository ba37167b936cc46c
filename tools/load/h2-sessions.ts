/**
 * HTTP/2 of the load: a few sessions that all clients share, and one request on a stream of them.
 * A session that has ended is replaced by the next request; nothing is tried again.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { type Answer, type RequestPlan, type Target, classify, failureOf } from './send-request.ts'

/** So many that each has several streams at a time. */
const sessionsMax = 2

export interface OpenStream {
  readonly stream: ClientHttp2Stream
  /** Unix milliseconds. */
  readonly connectedAt: number
}

export class H2Sessions implements Disposable {
  readonly #target: Target
  readonly #sessions: (ClientHttp2Session | undefined)[] = []
  readonly #openedAt = new WeakMap<ClientHttp2Session, number>()
  #next = 0

  constructor(target: Target) {
    this.#target = target
  }

  /** @param headers `:authority` is added. @throws {Error} The session has just ended. */
  open(headers: Record<string, string>, endStream: boolean): OpenStream {
    const index = this.#next++ % sessionsMax
    const known = this.#sessions[index]
    const session = known && !known.closed && !known.destroyed ? known : this.#connect(index)
    const stream = session.request({ ':authority': this.#target.host, ...headers }, { endStream })
    return { stream, connectedAt: this.#openedAt.get(session) ?? Date.now() }
  }

  /** Resolves when the servers' settings are there: CONNECT for WebSockets needs them. */
  async ready(): Promise<void> {
    const session =
      this.#sessions[this.#next % sessionsMax] ?? this.#connect(this.#next % sessionsMax)
    if (session.remoteSettings?.enableConnectProtocol === true || session.closed) return
    await new Promise<void>((resolve) => {
      session.once('remoteSettings', () => resolve())
      session.once('close', () => resolve())
    })
  }

  #connect(index: number): ClientHttp2Session {
    const { address: host, port, hostname: servername } = this.#target
    const session = connect(`https://${this.#target.host}`, {
      createConnection: () =>
        connectTls({ host, port, servername, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
    })
    session.on('error', () => undefined) // Each of its streams tells.
    this.#openedAt.set(session, Date.now())
    this.#sessions[index] = session
    return session
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session?.close()
  }
}

/** Never rejects: a failure is in the answer. */
export function sendOnStream(
  sessions: H2Sessions,
  plan: Omit<RequestPlan, 'agent'>,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const begun = performance.now()
  const headers: Record<string, string> = { ':method': plan.method, ':path': plan.path }
  if (plan.body && !plan.chunked) headers['content-length'] = String(plan.body.length)
  const { stream, connectedAt } = sessions.open(headers, plan.body === null)
  const chunks: Buffer[] = []
  const got = { status: null as number | null, release: null as string | null, error: '' }
  let headMs: number | null = null
  let failed: unknown = null
  const timer = setTimeout(() => {
    failed = new Error(`No complete answer in ${plan.timeoutMs} ms`)
    stream.close(constants.NGHTTP2_CANCEL)
  }, plan.timeoutMs)
  stream.on('response', (fields) => {
    headMs = performance.now() - begun
    got.status = fields[':status'] ?? null
    got.release = typeof fields['x-release'] === 'string' ? fields['x-release'] : null
    got.error = String(fields['viaduct-error'] ?? '')
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('error', (error) => (failed ??= error))
  stream.on('close', () => {
    clearTimeout(timer)
    const { status, release, error } = got
    if (status === null) failed ??= new Error(`Closed with code ${stream.rstCode} and no answer`)
    const failure = failed === null ? failureOf(status, error) : classify(failed, headMs !== null)
    resolve({ connectedAt, status, release, headMs, body: Buffer.concat(chunks), failure })
  })
  if (plan.body && plan.chunked) stream.write(plan.body.subarray(0, plan.body.length >> 1))
  if (plan.body) stream.end(plan.chunked ? plan.body.subarray(plan.body.length >> 1) : plan.body)
  return promise
}
