/**
 * Runs one case against a proxy: a raw client on one side, the recorder on the other. After it a
 * second client asks over the same instance, and must get its own answer.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Ending, Step } from './case-file.ts'
import { playSteps, probePrefix, type Recorder } from './recorder.ts'
import type { SeenRequest } from './request-reader.ts'

export interface Where {
  /** Of the proxy. */
  readonly port: number
  readonly recorder: Recorder
}

export interface Outcome {
  /** `400:bad-request`, one per answer. */
  readonly answers: readonly string[]
  readonly ending: Ending | 'waits'
  /** All that the client read, without the answer to the probe. */
  readonly read: string
  /** All that reached the instance, without what the proxy adds. */
  readonly seen: string
  readonly requests: readonly SeenRequest[]
  /** What the next client was answered; its own target when all is well. */
  readonly next: string
  readonly wantedNext: string
}

/** For what a proxy must do; nothing is waited for that does not come. */
const limitMs = 5_000
/** In fields that the proxy sets itself nothing of the client is left, or it is asserted apart. */
const added = /^(?:X-Forwarded-(?:For|Proto|Host|Port|Prefix)|X-Request-(?:Id|Start)): .*\r\n/gm

/**
 * @param options.answers How many are waited for.
 * @param options.ending What is looked for after them: an answer more, the end, or neither.
 * @param options.limitMs How long; a proxy that nobody knows may well say nothing at all.
 * @param options.isAlone No other client asks after it.
 */
export async function runCase(
  { port, recorder }: Where,
  steps: readonly Step[],
  options: {
    upstream: Case['upstream']
    answers: number
    ending: Ending | 'any'
    limitMs?: number
    isAlone?: boolean
  },
): Promise<Outcome> {
  const limit = options.limitMs ?? limitMs
  const client = new RawClient(port)
  const waits = {
    answered: () => client.answers.length > 0,
    whole: () => recorder.requests.length > 0,
  }
  const seen = (piece: string): boolean => client.text.endsWith(piece.slice(-4))
  recorder.begin(options.upstream, { ...waits, seen })
  try {
    await playSteps(client.socket, steps, waits)
    await client.until(() => client.answers.length >= options.answers, limit)
    const before = client.answers.length
    const isOpen = options.ending === 'open' && !client.isOver
    if (isOpen) client.send(`GET ${probePrefix}same HTTP/1.1\r\nHost: a\r\n\r\n`)
    const isKnown = (): boolean =>
      options.ending === 'any' || (isOpen && client.text.endsWith(`${probePrefix}same`))
    await client.until(isKnown, limit)
    const { text, isOver } = client
    const probeAt = text.lastIndexOf('HTTP/1.1 200')
    const isProbed = isOpen && text.endsWith(`${probePrefix}same`)
    const next = options.isAlone ? { next: '', wantedNext: '' } : await askNext(port)
    return {
      answers: client.answers.slice(0, isProbed ? before : undefined),
      ending: isProbed ? 'open' : client.error !== '' ? 'reset' : isOver ? 'closed' : 'waits',
      read: isProbed ? text.slice(0, probeAt) : text,
      seen: recorder.bytes.replaceAll(added, ''),
      requests: recorder.requests,
      ...next,
    }
  } finally {
    client.socket.destroy()
  }
}

let lastProbe = 0

/** Another client's request: over the same instance, and, when it is left, the same connection. */
async function askNext(port: number): Promise<{ next: string; wantedNext: string }> {
  const wantedNext = `${probePrefix}${++lastProbe}`
  const client = new RawClient(port)
  client.send(`GET ${wantedNext} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  await client.until(() => false, limitMs)
  client.socket.destroy()
  return { next: client.text.split('\r\n\r\n').slice(1).join('\r\n\r\n'), wantedNext }
}

/** Sends bytes and remembers what came back. */
export class RawClient {
  readonly socket: Socket
  text = ''
  error = ''
  #ended = false
  #wake: () => void = () => undefined

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (piece: string) => {
      this.text += piece
      this.#wake()
    })
    this.socket.on('end', () => {
      this.#ended = true
      this.#wake()
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? 'error'
      this.#wake()
    })
    this.socket.on('close', () => this.#wake())
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  get isOver(): boolean {
    return this.#ended || this.error !== '' || this.socket.destroyed
  }

  /** `200`, or `400:bad-request` where the platform answered. */
  get answers(): string[] {
    return this.text
      .split(/(?=HTTP\/1\.1 \d{3}[ \r])/)
      .filter((part) => part.startsWith('HTTP/1.1 ') && part.includes('\r\n\r\n'))
      .map((part) => {
        const [head = ''] = part.split('\r\n\r\n')
        const reason = /\r\nviaduct-error: ([\w-]+)/.exec(head)?.[1]
        return `${part.slice(9, 12)}${reason === undefined ? '' : `:${reason}`}`
      })
  }

  /** @returns When the condition holds, the connection is over, or the time is. */
  async until(predicate: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!predicate() && !this.isOver) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return
      const timer = new AbortController()
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      const expired = sleep(leftMs, undefined, { signal: timer.signal }).catch(() => undefined)
      await Promise.race([woken, expired])
      timer.abort()
    }
  }
}
