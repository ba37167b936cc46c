/** From the text of an HTTP/1.1 head or trailer section to the fields of HTTP/2. */
import { connectionFields } from './read-request.ts'

/** Fields that may not come after a body, or are the platform's alone. */
const neverTrailers: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'host',
  'set-cookie',
  'te',
  'trailer',
  'viaduct-error',
])

/**
 * @param text ` 200 OK`, then the field lines, each with CRLF.
 * @returns Names and values in turn, `:status` first.
 */
export function renderFields(status: number, text: string): string[] {
  const list = [':status', String(status)]
  addFields(list, text, text.indexOf('\r\n') + 2)
  return list
}

/** @param text Field lines, each with CRLF. */
export function renderTrailers(text: string): Record<string, string | string[]> {
  const list: string[] = []
  addFields(list, text, 0)
  const trailers: Record<string, string[]> = Object.create(null)
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (!neverTrailers.has(name)) (trailers[name] ??= []).push(list[i + 1] as string)
  }
  return trailers
}

function addFields(list: string[], text: string, from: number): void {
  for (let start = from; start < text.length;) {
    const end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    if (end === -1 || colon === -1 || colon > end) return
    const name = text.slice(start, colon).toLowerCase()
    if (!connectionFields.has(name) && name !== 'http2-settings') {
      list.push(name, text.slice(colon + 1, end).trim())
    }
    start = end + 2
  }
}
