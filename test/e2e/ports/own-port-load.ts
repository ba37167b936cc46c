/**
 * Load on an own port for a test: keep-alive clients, each with one connection that it uses for as
 * long as the server lets it, and clients with a new connection for each request. Counts what went
 * wrong, by its system code. Bounded: 8 clients, a pause between requests.
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Counted {
  ok: number
  /** Answers that were not 200, by status. */
  statuses: Record<string, number>
  /** `ECONNREFUSED`, `ECONNRESET` … */
  errors: Record<string, number>
  /** What the answers said. */
  bodies: Map<string, number>
}

export interface Load extends AsyncDisposable {
  readonly counted: Counted
  /** Resolves when every client has had its last answer. */
  stop(): Promise<Counted>
}

/** @param port On 127.0.0.1. */
export function startLoad(port: number, clients = { keepAlive: 4, perRequest: 4 }): Load {
  const counted: Counted = { ok: 0, statuses: {}, errors: {}, bodies: new Map() }
  const end = new AbortController()
  const client = async (agent: Agent | false): Promise<void> => {
    while (!end.signal.aborted) {
      await ask(port, agent, counted)
      await sleep(agent ? 1 : 3)
    }
    if (agent) agent.destroy()
  }
  const all = [
    ...Array.from({ length: clients.keepAlive }, () =>
      client(new Agent({ keepAlive: true, maxSockets: 1 })),
    ),
    ...Array.from({ length: clients.perRequest }, () => client(false)),
  ]
  return {
    counted,
    async stop() {
      await this[Symbol.asyncDispose]()
      return counted
    },
    async [Symbol.asyncDispose]() {
      end.abort()
      await Promise.all(all)
    },
  }
}

function ask(port: number, agent: Agent | false, counted: Counted): Promise<void> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(15_000)
    const outgoing = request({ host: '127.0.0.1', port, agent, path: '/', signal }, (incoming) => {
      let body = ''
      incoming.on('data', (chunk) => (body += String(chunk)))
      incoming.on('error', (error: NodeJS.ErrnoException) => fail(error))
      incoming.on('end', () => {
        const status = incoming.statusCode ?? 0
        if (status === 200) counted.ok++
        else counted.statuses[status] = (counted.statuses[status] ?? 0) + 1
        counted.bodies.set(body, (counted.bodies.get(body) ?? 0) + 1)
        resolve()
      })
    })
    const fail = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? error.name
      counted.errors[code] = (counted.errors[code] ?? 0) + 1
      resolve()
    }
    outgoing.on('error', fail)
    outgoing.end()
  })
}
