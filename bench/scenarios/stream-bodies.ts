/**
 * A gigabyte through the proxy in one direction, as raw bytes over sockets, with the most memory
 * that the proxy took meanwhile.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setInterval } from 'node:timers'

export interface StreamResult {
  /** Of the proxy, while the body passed: proportional set size. */
  readonly mostBytes: number
  readonly bytesPerSecond: number
}

/** Sends `bytes` for a GET, and answers anything else when `bytes` have come. */
export async function startBodyServer(bytes: number): Promise<Server> {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const server = createServer((socket) => {
    let left = -1
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      if (left === -1) {
        const head = data.indexOf('\r\n\r\n')
        if (data.toString('latin1', 0, 3) === 'GET') {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
          return sendBody(bytes, piece, socket)
        }
        left = bytes + head + 4
      }
      left -= data.length
      if (left === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function sendBody(bytes: number, piece: Buffer, socket: ReturnType<typeof connect>): void {
  let left = bytes
  const send = (): void => {
    while (left > 0) {
      const now = left < piece.length ? piece.subarray(0, left) : piece
      left -= now.length
      if (!socket.write(now)) return
    }
    socket.off('drain', send)
  }
  socket.on('drain', send)
  send()
}

/** One body through the proxy at `port`, whose process is `pid`. */
export async function streamBody(
  direction: 'up' | 'down',
  options: { port: number; pid: number; bytes: number },
): Promise<StreamResult> {
  const { port, pid, bytes } = options
  const started = performance.now()
  let mostBytes = memoryOf(pid)
  const timer = setInterval(() => (mostBytes = Math.max(mostBytes, memoryOf(pid))), 20)
  const socket = connect(port, '127.0.0.1')
  const host = 'Host: app.localhost\r\nConnection: close\r\n'
  const wanted = direction === 'down' ? bytes : 1
  let read = 0
  socket.on('data', (data) => (read += data.length))
  if (direction === 'down') socket.write(`GET / HTTP/1.1\r\n${host}\r\n`)
  else {
    socket.write(`POST / HTTP/1.1\r\n${host}Content-Length: ${bytes}\r\n\r\n`)
    sendBody(bytes, Buffer.alloc(256 * 1024, 'x'), socket)
  }
  await once(socket, 'close')
  clearInterval(timer)
  if (read < wanted) throw new Error(`Only ${read} bytes came back`)
  const seconds = (performance.now() - started) / 1000
  return { mostBytes, bytesPerSecond: bytes / seconds }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Proportional set size, in bytes. */
export function memoryOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024
}
