/** Ten thousand connections that are held and never used again: memory, and what others notice. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../../scenarios/report.ts'
import { memoryOf } from '../../scenarios/stream-bodies.ts'
import { probe } from './probe.ts'

const count = 10_000
/** At once; the queue of the listener takes more. */
const batch = 200
const settleMs = 2_000
const request = 'GET / HTTP/1.1\r\nHost: app.localhost\r\n\r\n'

export async function measureHeld({ port, pid }: { port: number; pid: number }): Promise<Figure[]> {
  const sockets: Socket[] = []
  try {
    await hold(sockets, port, batch) // Code and pools are there before the first look.
    await sleep(settleMs)
    const before = memoryOf(pid)
    await hold(sockets, port, count)
    const stop = new AbortController()
    const others = probe(port, stop.signal)
    await sleep(settleMs)
    const held = memoryOf(pid) - before
    stop.abort()
    const { failures, p99 } = await others
    const lost = sockets.filter(({ destroyed }) => destroyed).length
    return [
      { name: `${count} held connections, each`, value: held / count / 1000, unit: 'KB' },
      { name: 'of these lost', value: lost, unit: '', limit: 0 },
      { name: 'failed requests of others beside them', value: failures.length, unit: '', limit: 0 },
      { name: 'their p99', value: p99, unit: 'ms' },
    ]
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function hold(sockets: Socket[], port: number, wanted: number): Promise<void> {
  for (let left = wanted; left > 0; left -= batch) {
    const some = Array.from({ length: Math.min(batch, left) }, () => connect(port, '127.0.0.1'))
    sockets.push(...some)
    await Promise.all(
      some.map(async (socket) => {
        socket.write(request)
        await once(socket, 'data')
      }),
    )
  }
}
