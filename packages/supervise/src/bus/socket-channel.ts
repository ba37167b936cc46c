/**
 * A channel over a unix socket: one JSON value a line. When the other end goes away this connects
 * again, for as long as the process lives, and never disturbs the program.
 */
import { connect, type Socket } from 'node:net'
import { reconnectMaxMs, reconnectMinMs, socketLineMax } from '../limits.ts'
import { traceOf } from '../trace/trace.ts'
import type { Channel } from './channel.ts'

const trace = traceOf('messageBus')

export class SocketChannel implements Channel {
  readonly #path: string
  #socket: Socket
  #isFirst = true
  #waitMs = reconnectMinMs
  readonly #onMessage: ((message: unknown) => void)[] = []
  readonly #onNewPeer: (() => void)[] = []

  /** @param path Of the socket. That nobody listens there is no error: somebody will. */
  constructor(path: string) {
    this.#path = path
    this.#socket = this.#connect()
  }

  get isOpen(): boolean {
    return this.#socket.writable
  }

  /** What is sent while nobody is there is lost. */
  async send(message: unknown): Promise<void> {
    const line = JSON.stringify(message) as string | undefined
    if (line === undefined) throw new TypeError('JSON cannot hold the message')
    if (!this.#socket.writable) return
    await new Promise<void>((resolve) => this.#socket.write(`${line}\n`, () => resolve()))
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#onMessage.push(handler)
  }

  onNewPeer(handler: () => void): void {
    this.#onNewPeer.push(handler)
  }

  #connect(): Socket {
    const socket = connect(this.#path)
    socket.setEncoding('utf8')
    socket.on('connect', () => {
      this.#waitMs = reconnectMinMs
      if (!this.#isFirst) for (const handler of this.#onNewPeer) handler()
      this.#isFirst = false
    })
    let rest = ''
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#hear(line)
      if (rest.length > socketLineMax) socket.destroy()
    })
    socket.on('error', (error) => trace('unreachable', { path: this.#path, error: error.message }))
    socket.on('close', () => {
      this.#isFirst = false
      setTimeout(() => (this.#socket = this.#connect()), this.#waitMs)
      this.#waitMs = Math.min(this.#waitMs * 2, reconnectMaxMs)
    })
    return socket
  }

  #hear(line: string): void {
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      return trace('no-json', { line: line.slice(0, 80) }) // Not the platform that we know.
    }
    for (const handler of this.#onMessage) handler(message)
  }
}
