/**
 * Does a large body stay out of the proxy's memory? A gigabyte down and one up, each against what
 * the proxy takes idle. `npm run proof -- proxy-stream [--megabytes 1000] [--json]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { proxyNodeFlags } from '../../packages/viaduct/src/keeper/platform.ts'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { numberOption, report } from '../scenarios/report.ts'
import { memoryOf, portOf, startBodyServer, streamBody } from '../scenarios/stream-bodies.ts'

const megabyte = 1_000_000
const bytes = numberOption('megabytes', 1_000) * megabyte
/** What the project promises, in MB above idle. */
const limit = 32
const settleMs = 1_000

const app = await startBodyServer(bytes)
await using proxy = await startProxyProcess(routeTable(1, [{ ports: [portOf(app)] }]), {
  nodeFlags: proxyNodeFlags,
})
await sleep(settleMs)
const idle = memoryOf(proxy.pid)
const where = { port: proxy.port, pid: proxy.pid, bytes }
const down = await streamBody('down', where)
const up = await streamBody('up', where)
app.close()
report('proxy-stream', [
  { name: 'idle', value: idle / megabyte, unit: 'MB' },
  { name: 'down: most above idle', value: (down.mostBytes - idle) / megabyte, unit: 'MB', limit },
  { name: 'down', value: down.bytesPerSecond / megabyte, unit: 'MB/s' },
  { name: 'up: most above idle', value: (up.mostBytes - idle) / megabyte, unit: 'MB', limit },
  { name: 'up', value: up.bytesPerSecond / megabyte, unit: 'MB/s' },
])
