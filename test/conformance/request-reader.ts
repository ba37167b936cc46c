/**
 * Reads what a proxy sends to an instance, and complains about everything that two programs could
 * read in two ways. It shares nothing with the proxy's own parser: it judges it.
 */
export interface SeenRequest {
  readonly method: string
  readonly target: string
  /** Head and body as they came, latin1. */
  readonly bytes: string
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/1\.1$/
const value = /^[\x20-\x7e\x80-\xff\t]*$/

export class RequestReader {
  /** All that came and is not a whole request as yet. */
  rest = ''
  /** What a strict reader refuses, as sentences. */
  readonly complaints: string[] = []
  /** A request asked for another protocol: what follows is not HTTP. */
  isTunnel = false

  /** @returns The requests that are whole now. */
  read(text: string): SeenRequest[] {
    this.rest += text
    const requests: SeenRequest[] = []
    for (;;) {
      const request = this.isTunnel ? null : this.#next()
      if (request === null) return requests
      requests.push(request)
      this.rest = this.rest.slice(request.bytes.length)
    }
  }

  /** The head that is whole, though its body may not be. */
  get head(): string {
    const end = this.rest.indexOf('\r\n\r\n')
    return end === -1 ? '' : this.rest.slice(0, end + 4)
  }

  #next(): SeenRequest | null {
    const { head } = this
    if (head === '') return null
    const [line = '', ...fields] = head.slice(0, -4).split('\r\n')
    const [, method = '', target = ''] = requestLine.exec(line) ?? []
    if (method === '') this.#complain(`request line ${JSON.stringify(line)}`)
    const named = fields.map((field) => this.#readField(field))
    const of = (name: string): string[] =>
      named.filter(([each]) => each === name).map(([, text]) => text)
    if (of('host').length !== 1) this.#complain(`${of('host').length} Host fields`)
    const end = this.#bodyEnd(head.length, of('content-length'), of('transfer-encoding'))
    return end === -1 ? null : { method, target, bytes: this.rest.slice(0, end) }
  }

  #readField(field: string): [name: string, value: string] {
    const at = field.indexOf(':')
    const [name, text] = [field.slice(0, at), field.slice(at + 1)]
    if (!token.test(name) || !value.test(text)) this.#complain(`field ${JSON.stringify(field)}`)
    return [name.toLowerCase(), text.trim()]
  }

  /** @returns Where the request ends, -1 when that has not come. */
  #bodyEnd(start: number, lengths: readonly string[], codings: readonly string[]): number {
    if (lengths.length + codings.length > 1) {
      this.#complain(`framing ${[...lengths, ...codings].join()}`)
    }
    if (codings.length > 0) {
      if (codings[0] !== 'chunked') this.#complain(`coding ${codings[0]}`)
      return this.#chunksEnd(start)
    }
    const length = lengths[0] ?? '0'
    if (!/^\d{1,15}$/.test(length)) this.#complain(`length ${length}`)
    const end = start + Number(length)
    return end > this.rest.length ? -1 : end
  }

  #chunksEnd(start: number): number {
    let at = start
    for (;;) {
      const lineEnd = this.rest.indexOf('\r\n', at)
      if (lineEnd === -1) return -1
      const line = this.rest.slice(at, lineEnd)
      if (!/^[0-9a-fA-F]+(;[\x20-\x7e\x80-\xff\t]*)?$/.test(line)) this.#complain(`chunk ${line}`)
      const size = Number.parseInt(line, 16)
      at = lineEnd + 2
      if (size === 0) break
      if (this.rest.length < at + size + 2) return -1
      if (this.rest.slice(at + size, at + size + 2) !== '\r\n') this.#complain('end of a chunk')
      at += size + 2
    }
    if (this.rest.startsWith('\r\n', at)) return at + 2
    const end = this.rest.indexOf('\r\n\r\n', at)
    if (end === -1) return -1
    for (const field of this.rest.slice(at, end).split('\r\n')) this.#readField(field)
    return end + 4
  }

  /** Only once per request: its head is looked at again with each piece of its body. */
  #complain(what: string): void {
    if (!this.complaints.includes(what)) this.complaints.push(what)
  }
}
