/** The kinds of requests whose cost is compared, with what is promised of each. */
import { fileURLToPath } from 'node:url'
import type { Promised } from './compare-arms.ts'
import { runHandshakes, runH2load, runWrk, type LoadResult, type WrkOptions } from './load-tools.ts'
import type { Arm } from './proxy-arms.ts'

export interface RequestCase {
  /** For `--only`. */
  readonly key: string
  readonly title: string
  /** Of our CPU per request, to nginx's. */
  readonly promised: Promised
  /** Of Caddy's CPU per request, to ours. */
  readonly caddy?: Promised
  /** Of our p99, to nginx's. */
  readonly p99?: Promised
  readonly load: (arm: Arm, seconds: number) => Promise<LoadResult>
}

/** What a browser sends, about 600 bytes with the request line and the Host. */
const browserFields = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
    'Chrome/126.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Referer: http://app.localhost/orders?page=2',
  'Cookie: session=4f0c2d9b7a6e41d8b3c5a1f2e3d4c5b6; theme=dark; consent=yes',
  'Upgrade-Insecure-Requests: 1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Cache-Control: max-age=0',
]
const uploadScript = fileURLToPath(new URL('upload-16k.lua', import.meta.url))
const small = { limit: 1.05, goal: 0.95 }
const large = { limit: 1.1, goal: 0.8 }
const caddy = { least: 3.4 }

export const requestCases: readonly RequestCase[] = [
  {
    ...{ key: 'small', title: 'small GET, 64 connections', promised: small, caddy },
    ...{ p99: { limit: 2, goal: 1.2 }, load: wrk('/', { connections: 64 }) },
  },
  {
    ...{ key: 'browser', title: 'browser head of 600 bytes', promised: small, caddy },
    load: wrk('/', { connections: 64, headers: browserFields }),
  },
  {
    ...{ key: '256', title: 'small GET, 256 connections', promised: small, caddy },
    load: wrk('/', { connections: 256 }),
  },
  {
    ...{ key: 'new', title: 'new connection per request', promised: { limit: 1.4, goal: 1.2 } },
    load: wrk('/', { connections: 64, headers: ['Connection: close'] }),
  },
  {
    ...{ key: 'tls', title: 'TLS, kept alive', promised: { limit: 1.1, goal: 1 } },
    load: wrk('/', { connections: 64 }, 'https'),
  },
  {
    ...{ key: 'handshake', title: 'TLS, handshake per request' },
    promised: { limit: 1.3, goal: 1.1 },
    load: (arm, seconds) => runHandshakes(arm.tlsPort, seconds),
  },
  {
    ...{ key: 'resumed', title: 'TLS, resumed session per request', promised: {} },
    load: wrk('/', { connections: 64, headers: ['Connection: close'] }, 'https'),
  },
  {
    ...{ key: '64k', title: 'response of 64 KB', promised: large },
    load: wrk('/files/64k', { connections: 64 }),
  },
  {
    ...{ key: '1m', title: 'response of 1 MB', promised: large },
    load: wrk('/files/1m', { connections: 32 }),
  },
  {
    ...{ key: 'post', title: 'POST of 16 KB', promised: large },
    load: wrk('/upload', { connections: 64, script: uploadScript }),
  },
  {
    // Half of nginx's throughput per CPU is twice its CPU per request.
    ...{ key: 'h2', title: 'HTTP/2, 100 streams', promised: { limit: 2, goal: 1.25 } },
    load: (arm, seconds) => runH2load(`https://127.0.0.1:${arm.tlsPort}/`, seconds),
  },
]

function wrk(
  path: string,
  options: Omit<WrkOptions, 'seconds'>,
  scheme: 'http' | 'https' = 'http',
): RequestCase['load'] {
  return (arm, seconds) => {
    const port = scheme === 'https' ? arm.tlsPort : arm.port
    return runWrk(`${scheme}://127.0.0.1:${port}${path}`, { ...options, seconds })
  }
}
