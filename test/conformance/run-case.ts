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
/** Each takes a round through proxy and instance, as the request before it did. */
const laterClients = 3
/** In fields that the proxy sets itself nothing of the client is left, or it is asserted apart. */
const added = /^(?:X-Forwarded-(?:For|Proto|Host|Port|Prefix)|X-Request-(?:Id|Start)): .*\r\n/gm

/**
 * @param options.answers How many are waited for.
 * @param options.ending What is looked for after them: an answer more, or the end.
 * @param options.isAlone No other client asks after it.
 */
export async function runCase(
  { port, recorder }: Where,
  steps: readonly Step[],
  options: {
    upstream: Case['upstream']
    answers: number
    ending: Ending
    isAlone?: boolean
  },
): Promise<Outcome> {
  const client = new RawClient(port)
  try {
    await play({ recorder, client }, steps, options.upstream)
    await client.until(() => client.answers.length >= options.answers, limitMs)
    const before = client.answers.length
    const isOpen = options.ending === 'open' && !client.isOver
    if (isOpen) client.send(`GET ${probePrefix}same HTTP/1.1\r\nHost: a\r\n\r\n`)
    await client.until(() => isOpen && client.text.endsWith(`${probePrefix}same`), limitMs)
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

/**
 * The same against a proxy that nobody knows, and that may say nothing at all: what it had done
 * when it has served some other clients that asked later.
 */
export async function observeCase(
  { port, recorder }: Where,
  { sent, upstream, answers }: Pick<Case, 'sent' | 'upstream' | 'answers'>,
): Promise<Pick<Outcome, 'answers' | 'requests'>> {
  const client = new RawClient(port)
  try {
    await play({ recorder, client }, sent, upstream)
    for (let i = 0; i < laterClients + answers.length; i++) {
      await recorder.played
      await askNext(port)
    }
    return { answers: client.answers, requests: recorder.requests }
  } finally {
    client.socket.destroy()
  }
}

async function play(
  { recorder, client }: { recorder: Recorder; client: RawClient },
  steps: readonly Step[],
  upstream: Case['upstream'],
): Promise<void> {
  const waits = {
    answered: () => client.answers.length > 0,
    whole: () => recorder.requests.length > 0,
  }
  const seen = (piece: string): boolean => client.text.endsWith(piece.slice(-4))
  recorder.begin(upstream, { ...waits, seen })
  await playSteps(client.socket, steps, waits)
}

let lastProbe = 0

/** Another client's request: over the same instance, and, when it is left, the same connection. */
export async function askNext(port: number): Promise<{ next: string; wantedNext: string }> {
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

  /** @param localAddress Of many connections: one address has ports for some thousands of them. */
  constructor(port: number, localAddress = '127.0.0.1') {
    const how = { allowHalfOpen: true, noDelay: true, localAddress }
    this.socket = connect({ port, host: '127.0.0.1', ...how })
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
