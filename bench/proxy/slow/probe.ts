/** Everybody else: well-behaved clients of the same proxy, while others are slow. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../../scenarios/report.ts'

const everyMs = 20
const timeoutMs = 20_000

export interface Probed {
  readonly requests: number
  readonly failures: readonly string[]
  /** Milliseconds. */
  readonly p99: number
}

/** A request on a kept connection and one on a new connection in turn, until `signal` aborts. */
export async function probe(port: number, signal: AbortSignal): Promise<Probed> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const tookMs: number[] = []
  const failures: string[] = []
  for (let turn = 0; !signal.aborted; turn++) {
    const begun = performance.now()
    const fault = await askOnce(port, turn % 2 === 0 ? agent : false)
    if (fault === null) tookMs.push(performance.now() - begun)
    else failures.push(fault)
    await sleep(everyMs)
  }
  agent.destroy()
  return { requests: tookMs.length + failures.length, failures, p99: quantile(tookMs, 0.99) }
}

function askOnce(port: number, agent: Agent | false): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, agent, timeout: timeoutMs }
    const outgoing = request(options, (incoming) => {
      incoming.resume()
      incoming.on('end', () =>
        resolve(incoming.statusCode === 200 ? null : `${incoming.statusCode}`),
      )
      incoming.on('error', (error) => resolve(error.message))
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`Nothing for ${timeoutMs} ms`)))
    outgoing.on('error', (error) => resolve(error.message))
    outgoing.end()
  })
}
