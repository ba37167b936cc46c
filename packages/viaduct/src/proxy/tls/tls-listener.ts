/**
 * Accepts TLS: shakes hands, and gives the connection to whoever speaks the protocol that was
 * agreed on. Certificates, names and tickets are `cert-table.ts`.
 */
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { tlsHandshakeTimeoutMs } from '../../model/proxy-limits.ts'
import { Http2Connection } from '../h2/http2-connection.ts'
import { ClientConnection } from '../client/client-connection.ts'
import type { ClientLink } from '../client/client-side.ts'
import type { Worker } from '../serve/worker.ts'
import type { CertTable } from './cert-table.ts'
import { rawSocketOf } from './raw-socket.ts'

/** A connection whose handshake is not done: a worker that leaves waits for it too. */
class Handshake implements ClientLink {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  askToLeave(): void {}

  /** Its own limit is short. */
  readonly waitsSinceMs = Infinity

  giveWay(): void {}

  closeIdle(): void {}

  cut(): void {
    this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/**
 * Does not listen yet. The worker closes it when it leaves.
 *
 * @param handshakeTimeoutMs From the accepted connection to the end of its handshake.
 */
export function openTlsListener(
  worker: Worker,
  certs: CertTable,
  handshakeTimeoutMs = tlsHandshakeTimeoutMs,
): TcpServer {
  const server = createServer({
    ...certs.serverOptions(['h2', 'http/1.1']),
    ...{ allowHalfOpen: true, noDelay: true, handshakeTimeout: handshakeTimeoutMs },
  })
  certs.attach(server)
  worker.attach(server)
  const handshakes = new WeakMap<Socket, Handshake>()
  server.on('connection', (raw: Socket) => {
    const handshake = new Handshake(raw)
    handshakes.set(raw, handshake)
    worker.opened(handshake)
    worker.clients.tls++
    raw.once('close', () => worker.closed(handshake))
  })
  server.on('secureConnection', (socket) => {
    worker.clients.handshakes++
    accept(socket, worker)
    const handshake = handshakes.get(rawSocketOf(socket))
    if (handshake) worker.closed(handshake)
  })
  // Not one that speaks TLS, or one that wants a name nobody has.
  server.on('tlsClientError', (_, socket) => {
    worker.clients.handshakesFailed++
    socket.destroy()
  })
  if (!worker.expectsProxyHeader) return server
  const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
    worker.identify(raw, () => server.emit('connection', raw))
  })
  worker.attach(front)
  return front
}

function accept(socket: TLSSocket, worker: Worker): void {
  const { alpnProtocol } = socket
  if (alpnProtocol === 'h2') worker.opened(new Http2Connection(socket, worker))
  else if (alpnProtocol === false || alpnProtocol === 'http/1.1') {
    worker.opened(new ClientConnection(socket, worker, 'https'))
  } else {
    // The certificate of the challenge was the answer (RFC 8737 §3).
    socket.on('error', () => socket.destroy())
    socket.end()
  }
}
