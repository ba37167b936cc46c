/**
 * Clients of their own process: `node raw-clients.ts PORT COUNT`. Half keep their connection until
 * the server says `Connection: close`, half connect for each request. They go on until stdin ends,
 * then print one line: requests, and what failed and how often.
 *
 * A request has failed when its connection ends, or breaks, before the answer is complete.
 */
import { connect, type Socket } from 'node:net'

/** A request that is not answered by then is lost. */
const answerTimeoutMs = 10_000

const [port = 0, count = 0] = process.argv.slice(2).map(Number)
const failures: Record<string, number> = {}
let requests = 0
let goingOn = true

const clients = Array.from({ length: count }, async (_, index) => await runClient(index % 2 === 0))
process.stdin.on('end', () => (goingOn = false)).resume()
setInterval(() => process.stdout.write(`${JSON.stringify({ requests })}\n`), 500).unref()
await Promise.all(clients)
process.stdout.write(`${JSON.stringify({ requests, failures, done: true })}\n`)

async function runClient(keepAlive: boolean): Promise<void> {
  let socket: Socket | null = null
  const isGoingOn = (): boolean => goingOn
  while (isGoingOn()) {
    try {
      socket ??= await open()
      const stays = await ask(socket, keepAlive)
      if (!stays) {
        socket.destroy()
        socket = null
      }
    } catch (error) {
      const name = (error as NodeJS.ErrnoException).code ?? String(error)
      failures[name] = (failures[name] ?? 0) + 1
      socket?.destroy()
      socket = null
    }
    requests++
  }
  socket?.destroy()
}

async function open(): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** @returns False when the server closes the connection after this answer. */
async function ask(socket: Socket, keepAlive: boolean): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    let text = ''
    const settle = (act: () => void): void => {
      socket.removeAllListeners()
      socket.setTimeout(0)
      socket.on('error', () => undefined) // After the answer an end is no loss.
      act()
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
      if (text.length < head + 4 + length) return
      settle(() => resolve(keepAlive && !/\r\nconnection: close/i.test(text.slice(0, head))))
    })
    socket.on('error', (error) => settle(() => reject(error)))
    socket.on('end', () => settle(() => reject(new Error('ended'))))
    socket.on('close', () => settle(() => reject(new Error('closed'))))
    socket.setTimeout(answerTimeoutMs, () => settle(() => reject(new Error('no answer'))))
    const connection = keepAlive ? '' : 'Connection: close\r\n'
    socket.write(`GET / HTTP/1.1\r\nHost: bench\r\n${connection}\r\n`)
  })
}
