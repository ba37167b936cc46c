/**
 * One HTTPS request to an ACME server, with limits on time and size. `node:https` and not `fetch`:
 * the latter takes no certificate authority of one's own, and costs the daemon more memory.
 */
import { request } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { messageOf, systemCodeOf } from '../../model/app-error.ts'
import { acmeAnswerMaxBytes, acmeRequestTimeoutMs } from '../../model/limits.ts'
import { AcmeError } from './acme-problem.ts'

export interface AcmeResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface AcmeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly body?: string
  /** PEM of the only authority to trust; null: those that Node.js trusts. */
  readonly ca: string | null
  readonly userAgent: string
  readonly signal: AbortSignal
}

/** @throws {AcmeError} `unreachable`, `bad-answer`; the signal's reason when it aborts. */
export async function sendAcme(options: AcmeRequest): Promise<AcmeResponse> {
  const { url, signal } = options
  if (URL.parse(url)?.protocol !== 'https:') {
    throw new AcmeError('bad-answer', `${JSON.stringify(url.slice(0, 200))} is not an https URL`)
  }
  const limit = AbortSignal.timeout(acmeRequestTimeoutMs)
  try {
    return await exchange(options, AbortSignal.any([signal, limit]))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AcmeError) throw error
    const why = limit.aborted ? `no answer in ${acmeRequestTimeoutMs} ms` : reasonOf(error)
    throw new AcmeError('unreachable', `${new URL(url).host} cannot be reached (${why})`, {
      cause: error,
    })
  }
}

function exchange(options: AcmeRequest, signal: AbortSignal): Promise<AcmeResponse> {
  const { method, url, body, ca, userAgent } = options
  const headers = {
    'user-agent': userAgent,
    ...(body !== undefined && { 'content-type': 'application/jose+json' }),
    ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal, agent: false, ...(ca && { ca }) })
    sent.on('error', reject)
    sent.on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      readText(response).then((text) => resolve({ status, headers, text }), reject)
    })
    sent.end(body)
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response) {
    bytes += (piece as Buffer).length
    if (bytes > acmeAnswerMaxBytes) {
      throw new AcmeError('bad-answer', `An answer has more than ${acmeAnswerMaxBytes} bytes`)
    }
    pieces.push(piece as Buffer)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function reasonOf(error: unknown): string {
  return systemCodeOf(error) ?? messageOf(error)
}
