/** One request to an app through the proxy, or straight to a port; one connection each. */
import { type IncomingHttpHeaders, request } from 'node:http'

export interface AppResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface FetchOptions {
  readonly path?: string
  readonly method?: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/** @param url `http://APP.localhost:PORT`; the connection goes to 127.0.0.1. */
export function fetchApp(url: string, options: FetchOptions = {}): Promise<AppResponse> {
  const { host, port, pathname } = new URL(url)
  const { path = pathname, method = 'GET', timeoutMs = 15_000 } = options
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      headers: { host, ...options.headers },
      signal: AbortSignal.timeout(timeoutMs),
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let body = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => (body += chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body })
      })
    })
    outgoing.end(options.body)
  })
}
