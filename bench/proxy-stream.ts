/**
 * Memory of one proxy worker while a large body goes up and then down through it: the most above
 * its idle size, sampled all the time. The client checks that every byte came.
 *
 * Run: node bench/proxy-stream.ts [--mb 1024] [--json]. Goal: within 32 MB of idle.
 */
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { memoryBytes } from './proxy/process-cost.ts'
import { type ProxyProcess, startProxy } from './proxy/start-proxy.ts'

const { values } = parseArgs({
  options: { mb: { type: 'string', default: '1024' }, json: { type: 'boolean', default: false } },
})
const mb = 1024 * 1024
const total = Number(values.mb) * mb
const goalMb = 32
const block = Buffer.alloc(64 * 1024, 7)

function* blocks(): Generator<Buffer> {
  for (let sent = 0; sent < total; sent += block.length) yield block
}

await using stack = new AsyncDisposableStack()
const app = createServer((incoming, outgoing) => {
  if (incoming.method === 'GET') {
    outgoing.setHeader('Content-Length', total)
    Readable.from(blocks()).pipe(outgoing)
    return
  }
  let received = 0
  incoming.on('data', (chunk: Buffer) => (received += chunk.length))
  incoming.on('end', () => outgoing.end(String(received)))
})
await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
stack.defer(() => app.closeAllConnections())
stack.defer(() => void app.close())
const proxy = stack.use(await startProxy([(app.address() as AddressInfo).port]))
await exchange('GET', 0).catch(() => undefined) // Warms the path; cut short on purpose.
await delay(1_000)
const idleBytes = await memoryBytes(proxy.pid)
const up = await during(proxy, () => exchange('POST', total))
const down = await during(proxy, () => exchange('GET', total))
const row = (peak: number): number => Math.round(((peak - idleBytes) / mb) * 10) / 10
const result = {
  mb: total / mb,
  idleMb: Math.round(idleBytes / mb),
  upMb: row(up),
  downMb: row(down),
}
const met = result.upMb <= goalMb && result.downMb <= goalMb
if (!met) process.exitCode = 1
if (values.json) console.log(JSON.stringify({ ...result, goalMb, met }, null, 2))
else {
  console.log(
    `idle ${result.idleMb} MB; above it: up +${result.upMb} MB, down +${result.downMb} MB`,
  )
  console.log(`goal +${goalMb} MB: ${met ? 'met' : 'MISSED'}`)
}

/** @returns The largest size that was seen meanwhile. */
async function during(server: ProxyProcess, work: () => Promise<void>): Promise<number> {
  const ended = new AbortController()
  const sampling = (async () => {
    let peak = 0
    for (; !ended.signal.aborted; await delay(50)) {
      peak = Math.max(peak, await memoryBytes(server.pid))
    }
    return peak
  })()
  await work().finally(() => ended.abort())
  return await sampling
}

/** One request; `wanted` 0 leaves after the first bytes. @throws {Error} Not every byte came. */
async function exchange(method: 'GET' | 'POST', wanted: number): Promise<void> {
  const headers = { host: 'bench.test', ...(method === 'POST' && { 'content-length': total }) }
  const outgoing = request({ port: proxy.port, host: '127.0.0.1', method, headers })
  const answered = new Promise<number>((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let received = 0
      let text = ''
      incoming.on('error', reject)
      incoming.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (method === 'POST') text += chunk.toString()
        else if (wanted === 0) incoming.destroy(new Error('Enough'))
      })
      incoming.on('end', () => resolve(method === 'POST' ? Number(text) : received))
    })
  })
  if (method === 'POST') await Promise.all([pipeline(Readable.from(blocks()), outgoing), answered])
  else outgoing.end()
  const came = await answered
  if (came !== wanted) throw new Error(`${method}: ${came} of ${wanted} bytes came`)
}
