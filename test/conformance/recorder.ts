/**
 * An instance that speaks raw bytes: records all that it is sent, answers each request with its own
 * target, or, to the first request of a case, with what the case says.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Step } from './case-file.ts'
import { RequestReader, type SeenRequest } from './request-reader.ts'

/** Long enough that two pieces are two reads, also on a busy machine. */
const pauseMs = 2
/** Nothing waits for what does not come; the case then fails by what it says. */
const waitMaxMs = 2_000
/** Requests of the runner itself, which no case may use. */
export const probePrefix = '/probe-'

interface Connection {
  readonly reader: RequestReader
  /** Since the case began. */
  bytes: string
  /** The answer was given at the head already. */
  isAnswered: boolean
  /** Requests of the runner. */
  probes: number
  isPlaying: boolean
}

export class Recorder implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #connections: Connection[] = []
  #script: Case['upstream'] = null
  #waits: Waits = {}
  /** Whole requests of this case, without the runner's own. */
  requests: SeenRequest[] = []
  /** What a strict reader refuses, of all connections so far. */
  readonly complaints: string[] = []
  port = 0
  /** Settles when the script of the case has been played. */
  played: Promise<void> = Promise.resolve()

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  /**
   * Forgets the last case.
   *
   * @param script Answers the first request that comes from now on.
   * @param waits What its words wait for.
   */
  begin(script: Case['upstream'], waits: Waits = {}): void {
    this.#script = script
    this.#waits = waits
    this.requests = []
    for (const connection of this.#connections) connection.bytes = ''
  }

  /** All bytes of this case, one connection after the other, without the runner's requests. */
  get bytes(): string {
    const probes = new RegExp(`[A-Z]+ ${probePrefix}[^]*?\\r\\n\\r\\n`, 'g')
    return this.#connections.map(({ bytes }) => bytes.replace(probes, '')).join('')
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      reader: new RequestReader(),
      bytes: '',
      isAnswered: false,
      probes: 0,
      isPlaying: false,
    }
    this.#connections.push(connection)
    this.#sockets.add(socket)
    socket.setEncoding('latin1')
    socket.on('error', () => socket.destroy()) // Proxies cut connections; that is no fault.
    socket.on('end', () => socket.end())
    socket.on('close', () => this.#forget(socket, connection))
    socket.on('data', (text: string) => this.#onData(socket, connection, text))
  }

  #onData(socket: Socket, connection: Connection, text: string): void {
    connection.bytes += text
    const { reader } = connection
    for (const request of reader.read(text)) {
      if (request.target.startsWith(probePrefix)) {
        connection.probes++
        if (connection.isPlaying) void this.played.then(() => this.#answer(socket, request))
        else this.#answer(socket, request)
      } else {
        this.requests.push(request)
        if (connection.isAnswered) connection.isAnswered = false
        else if (this.#script) this.#play(socket, connection)
        else this.#answer(socket, request)
      }
    }
    for (const complaint of reader.complaints.splice(0)) this.complaints.push(complaint)
    if (this.#script?.atHead && reader.head !== '' && !reader.head.includes(` ${probePrefix}`)) {
      connection.isAnswered = true
      this.#play(socket, connection)
    }
  }

  #answer(socket: Socket, { method, target }: SeenRequest): void {
    const body = method === 'HEAD' ? '' : target
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${body}`, 'latin1')
  }

  #play(socket: Socket, connection: Connection): void {
    const steps = this.#script?.steps ?? []
    this.#script = null
    connection.reader.isTunnel = steps.some(
      (step) => typeof step === 'object' && / 101 /.test(step.send),
    )
    const { probes } = connection
    const asked = (): boolean => socket.destroyed || connection.probes > probes
    connection.isPlaying = true
    this.played = playSteps(socket, steps, { ...this.#waits, asked }).then(() => {
      connection.isPlaying = false
    })
  }

  #forget(socket: Socket, connection: Connection): void {
    this.#sockets.delete(socket)
    if (connection.bytes === '')
      this.#connections = this.#connections.filter((c) => c !== connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Whether what a word waits for is there. */
export interface Waits {
  /** @param piece What was sent last. */
  readonly seen?: (piece: string) => boolean
  readonly answered?: () => boolean
  readonly whole?: () => boolean
  readonly asked?: () => boolean
}

/** Does what the steps say, one after the other; a socket that is gone ends it. */
export async function playSteps(
  socket: Socket,
  steps: readonly Step[],
  waits: Waits = {},
): Promise<void> {
  let piece = ''
  for (const step of steps) {
    if (socket.destroyed) return
    if (typeof step === 'object') socket.write((piece = step.send), 'latin1')
    else if (step === 'end') socket.end()
    else if (step === 'reset') socket.resetAndDestroy()
    else if (step === 'pause') await sleep(pauseMs)
    else await waitFor(() => waits[step]?.(piece) ?? true)
  }
}

async function waitFor(predicate: () => boolean): Promise<void> {
  const limit = performance.now() + waitMaxMs
  while (!predicate() && performance.now() < limit) await sleep(1)
}
