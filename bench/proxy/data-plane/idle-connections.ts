/** What a kept-alive connection costs while nothing is asked on it. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../../scenarios/report.ts'
import { treeMemoryOf } from './measured-process.ts'
import type { Arm } from './proxy-arms.ts'

/** Made before the first measurement, so that code and pools are there. */
const warmConnections = 200
/** At once; a proxy's queue of connections takes more. */
const batch = 200
const settleMs = 2_000
const request = 'GET / HTTP/1.1\r\nHost: app.localhost\r\n\r\n'

export interface IdleOptions {
  readonly count: number
  readonly limit?: number
  readonly goal?: number
}

/** Each connection has had one answer. */
export async function measureIdle(arm: Arm, options: IdleOptions): Promise<Figure[]> {
  const { count, ...promised } = options
  const sockets: Socket[] = []
  try {
    await open(sockets, arm.port, warmConnections)
    await sleep(settleMs)
    const before = treeMemoryOf(arm.pid)
    await open(sockets, arm.port, count)
    await sleep(settleMs)
    const held = treeMemoryOf(arm.pid) - before
    const value = held / count / 1000
    return [{ name: `idle connections: ${arm.name}, each`, value, unit: 'KB', ...promised }]
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function open(sockets: Socket[], port: number, count: number): Promise<void> {
  for (let left = count; left > 0; left -= batch) {
    const some = Array.from({ length: Math.min(batch, left) }, () => connect(port, '127.0.0.1'))
    sockets.push(...some)
    await Promise.all(some.map(ask))
  }
}

async function ask(socket: Socket): Promise<void> {
  socket.write(request)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(answer.toString())
}
