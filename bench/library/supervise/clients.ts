/** Runs raw-clients.ts and reads what it says. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface ClientTotals {
  readonly requests: number
  /** By error code. */
  readonly failures: Readonly<Record<string, number>>
}

export interface Clients {
  /** So far. */
  requests(): number
  stop(): Promise<ClientTotals>
}

export function startClients(port: number, count: number): Clients {
  const program = join(import.meta.dirname, 'raw-clients.ts')
  const child = spawn(process.execPath, [program, String(port), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const totals = Promise.withResolvers<ClientTotals>()
  let newest = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as ClientTotals & { done?: boolean }
    newest = message.requests
    if (message.done) totals.resolve(message)
  })
  child.on('error', totals.reject)
  child.on('exit', (code) => totals.reject(new Error(`The clients ended with ${code}`)))
  return {
    requests: () => newest,
    async stop() {
      child.stdin.end()
      return await totals.promise
    },
  }
}

export function countFailures({ failures }: ClientTotals): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0)
}
