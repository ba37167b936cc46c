/**
 * Server-sent events (the WHATWG format): rendering one and reading a stream of them. Reconnecting
 * is the client's.
 */
export interface SentEvent {
  readonly id: string
  readonly event: string
  readonly data: string
}

export const eventStreamType = 'text/event-stream'

/** A comment that keeps a silent stream open. */
export const heartbeat = ':\n\n'

/** @param event.data Must have no line ends: JSON has none. */
export function renderEvent(event: { id?: string; event: string; data: string }): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`
  return `${id}event: ${event.event}\ndata: ${event.data}\n\n`
}

/** Lines of a UTF-8 stream, without their ends; a last one that has no end is left out. */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
}

/** Events of a stream; one that was cut off in the middle is left out. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SentEvent> {
  let id = ''
  let event = ''
  let data: string[] = []
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') }
      event = ''
      data = []
      continue
    }
    const [field, text] = splitField(line)
    if (field === 'id') id = text
    else if (field === 'event') event = text
    else if (field === 'data') data.push(text)
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':')
  if (colon === -1) return [line, '']
  const text = line.slice(colon + 1)
  return [line.slice(0, colon), text.startsWith(' ') ? text.slice(1) : text]
}
