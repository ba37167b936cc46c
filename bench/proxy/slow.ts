/**
 * Slow and vanished peers: does everybody else notice? `npm run proof -- slow`, three minutes. The
 * attacks of slowhttptest, 10,000 held connections, clients whose network is gone, and instances
 * that do not read, do not answer, or send a byte a minute.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { type Figure, report } from '../scenarios/report.ts'
import { runAttacks } from './slow/attacks.ts'
import { measureHeld } from './slow/held.ts'
import { startPatientApp } from './slow/patient-app.ts'
import { measureSlowInstances } from './slow/slow-instances.ts'

const halfOpen = measureHalfOpen()
await using app = await startPatientApp()
// Shorter than the defaults, which are a minute and five.
const http = { headTimeoutMs: 5_000, idleBodyTimeoutMs: 5_000, ejectAfterFailures: 0 }
await using proxy = await startProxyProcess(routeTable(1, [{ ports: [app.port], http }]))
const figures = [
  ...(await measureSlowInstances(proxy.port)),
  ...((await runAttacks(proxy)) ?? []),
  ...(await measureHeld(proxy)),
  ...(await halfOpen),
]
report('slow', figures)

/** Needs a network namespace: root, or a kernel that gives one to users. */
async function measureHalfOpen(): Promise<Figure[]> {
  const entry = join(import.meta.dirname, 'slow/half-open.ts')
  try {
    const { stdout } = await promisify(execFile)('unshare', ['-rn', process.execPath, entry])
    const { open, left, tookMs } = JSON.parse(stdout) as Record<string, number>
    return [
      { name: 'clients whose network is gone', value: open ?? NaN, unit: '', least: 1 },
      { name: 'of these left', value: left ?? NaN, unit: '', limit: 0 },
      { name: 'until the last one is closed', value: (tookMs ?? NaN) / 1000, unit: 's' },
    ]
  } catch (error) {
    process.stderr.write(`\n*** SKIPPED: clients without a network: ${String(error)}\n\n`)
    return []
  }
}
