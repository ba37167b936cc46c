/** From the text of an HTTP/1.1 head to the fields of HTTP/2, for `node:http2`. */
import { trimBlanks } from '../http/field-text.ts'
import { connectionFields } from './request-field.ts'

/**
 * @param text ` 200 OK`, then the field lines, each with CRLF.
 * @returns Names and values in turn, `:status` first.
 */
export function renderFields(status: number, text: string): string[] {
  const list = [':status', String(status)]
  addFields(list, text, text.indexOf('\r\n') + 2)
  return list
}

function addFields(list: string[], text: string, from: number): void {
  for (let start = from; start < text.length;) {
    const end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    if (end === -1 || colon === -1 || colon > end) return
    const name = text.slice(start, colon).toLowerCase()
    if (!connectionFields.has(name) && name !== 'http2-settings') {
      list.push(name, trimBlanks(text.slice(colon + 1, end)))
    }
    start = end + 2
  }
}
