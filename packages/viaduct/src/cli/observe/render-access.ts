/** A line of the access log as people read it. Pure. */
import { renderRelease } from '../../model/ids.ts'
import { renderBytes, renderDuration } from '../output/render-amounts.ts'
import type { Paint, Style } from '../output/terminal.ts'

/** What is looked at of a line; any of it may be missing in the line of another version. */
interface AccessLine {
  readonly method?: string
  readonly host?: string
  readonly path?: string
  readonly status?: number
  readonly ms?: number
  readonly waitedMs?: number
  readonly upstreamMs?: number
  readonly bytes?: number
  readonly http?: string
  readonly tls?: boolean
  readonly release?: number
  readonly instance?: string
  readonly error?: string
  readonly retries?: number
  readonly client?: string
  readonly id?: string
  readonly agent?: string
  readonly referer?: string
}

/**
 * `GET https://a.example/x 200 12 ms (waited 3 ms, app 8 ms) 1.2 kB web.1@v3 10.0.0.7 h2 ID`.
 *
 * @param text JSON. @returns `text` as it is when it is none.
 */
export function renderAccess(text: string, paint: Paint): string {
  const line = parseLine(text)
  if (line === null) return text
  const { method = '', host = '', path = '', status = 0, ms = 0, bytes = 0 } = line
  const { error, retries = 0, client = '', http = '', id = '', agent, referer } = line
  const what = paint(styleOf(status), String(status))
  return [
    `${method} ${line.tls === true ? 'https' : 'http'}://${host}${path}`,
    what,
    error === undefined ? '' : paint('red', error),
    `${renderDuration(ms)}${renderParts(line)}`,
    renderBytes(bytes),
    renderInstance(line),
    retries > 0 ? paint('yellow', `retries=${retries}`) : '',
    client,
    http === '' ? '' : `http/${http}`,
    agent === undefined ? '' : JSON.stringify(agent),
    referer === undefined ? '' : `from ${JSON.stringify(referer)}`,
    paint('dim', id),
  ]
    .filter((part) => part !== '')
    .join(' ')
}

/** A path of a client's choice comes as it is in JSON: no control character leaves this. */
function parseLine(text: string): AccessLine | null {
  try {
    const line: unknown = JSON.parse(text, (_, value: unknown) =>
      typeof value === 'string' ? value.replace(/\p{Cc}/gu, '\uFFFD') : value,
    )
    return typeof line === 'object' && line !== null ? line : null
  } catch {
    return null // Somebody else's file, or half a line.
  }
}

function renderParts({ waitedMs, upstreamMs }: AccessLine): string {
  const parts = [
    waitedMs === undefined ? '' : `waited ${renderDuration(waitedMs)}`,
    upstreamMs === undefined ? '' : `app ${renderDuration(upstreamMs)}`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

/** `web.1@v3` of `shop.v3.web.1.…`; without an instance the release alone. */
function renderInstance({ instance, release }: AccessLine): string {
  const version = release === undefined ? '' : `@${renderRelease(release)}`
  const [, name = ''] = /^[^.]+\.v\d+\.([^.]+\.\d+)/.exec(instance ?? '') ?? []
  return name === '' ? version : `${name}${version}`
}

function styleOf(status: number): Style {
  if (status >= 500) return 'red'
  return status >= 400 ? 'yellow' : 'green'
}
