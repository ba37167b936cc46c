/** One call of the platform's API as any HTTP client would make it. */
import type { Platform } from '../harness/start-platform.ts'

export interface ApiAnswer<T> {
  readonly status: number
  readonly headers: Headers
  /** Of JSON: the value; else the text. */
  readonly body: T
}

export async function askApi<T = unknown>(
  platform: Platform,
  [method, path]: readonly [string, string],
  options: { json?: unknown; headers?: Readonly<Record<string, string>> } = {},
): Promise<ApiAnswer<T>> {
  const { json, headers } = options
  const answer = await fetch(platform.apiUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${platform.token}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    signal: AbortSignal.timeout(60_000),
  })
  const text = await answer.text()
  const isJson = /json/.test(answer.headers.get('content-type') ?? '')
  const body = (isJson ? JSON.parse(text) : text) as T
  return { status: answer.status, headers: answer.headers, body }
}
