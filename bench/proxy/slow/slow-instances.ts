/** Instances that do not read, do not answer, or hardly send: each wait of a client has an end. */
import { connect } from 'node:net'
import type { Figure } from '../../scenarios/report.ts'
import { probe } from './probe.ts'

const each = 50
const host = 'Host: app.localhost\r\n'
const bodyBytes = 8 * 1024 * 1024
const limitMs = 30_000

const requests = [
  { name: 'an instance that never answers', text: `GET /waits HTTP/1.1\r\n${host}\r\n`, body: 0 },
  {
    name: 'an instance that reads no body',
    text: `POST /deaf HTTP/1.1\r\n${host}Content-Length: ${bodyBytes}\r\n\r\n`,
    body: bodyBytes,
  },
  {
    name: 'an instance that sends a byte a minute',
    text: `GET /drip HTTP/1.1\r\n${host}\r\n`,
    body: 0,
  },
] as const

export async function measureSlowInstances(port: number): Promise<Figure[]> {
  const stop = new AbortController()
  const others = probe(port, stop.signal)
  const figures = await Promise.all(
    requests.map(async ({ name, text, body }): Promise<Figure> => {
      const ends = await Promise.all(Array.from({ length: each }, () => endOf(port, text, body)))
      const left = ends.filter((ended) => !ended).length
      return { name: `${name}: clients that wait for ever`, value: left, unit: '', limit: 0 }
    }),
  )
  stop.abort()
  const { failures } = await others
  const name = 'failed requests of others beside them'
  return [...figures, { name, value: failures.length, unit: '', limit: 0 }]
}

/** @returns Whether the answer, or the connection, has come to an end. */
function endOf(port: number, text: string, bodyBytes_: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const finish = (ended: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(ended)
    }
    const timer = setTimeout(() => finish(false), limitMs)
    socket.on('error', () => finish(true))
    socket.on('close', () => finish(true))
    // An error of the platform is a whole answer; the head of the instance's is not.
    socket.on('data', (bytes) => {
      if (/^HTTP\/1\.1 (408|50\d)/.test(bytes.toString('latin1'))) finish(true)
    })
    socket.write(text)
    if (bodyBytes_ > 0) socket.write(Buffer.alloc(bodyBytes_))
  })
}
