/**
 * Accepts TLS: shakes hands, and gives the connection to whoever speaks the protocol that was
 * agreed on. Certificates, names and tickets are `cert-table.ts`.
 */
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { tlsHandshakeTimeoutMs } from '../../model/proxy-limits.ts'
import { Http2Connection } from '../h2/http2-connection.ts'
import { ClientConnection } from '../client/client-connection.ts'
import { WaitingLink } from '../client/waiting-link.ts'
import type { OwnWay } from '../route/router.ts'
import type { Worker } from '../serve/worker.ts'
import type { CertTable } from './cert-table.ts'
import { rawSocketOf } from './raw-socket.ts'

export interface TlsListener {
  /** Does not listen yet. The worker closes it when it leaves. */
  readonly server: TcpServer
  /** Takes a connection that somebody else accepted, on a port that belongs to one app. */
  accept(raw: Socket, own: OwnWay): void
}

/** @param handshakeTimeoutMs From the accepted connection to the end of its handshake. */
export function openTlsListener(
  worker: Worker,
  certs: CertTable,
  handshakeTimeoutMs = tlsHandshakeTimeoutMs,
): TlsListener {
  const server = createServer({
    ...certs.serverOptions(['h2', 'http/1.1']),
    ...{ allowHalfOpen: true, noDelay: true, handshakeTimeout: handshakeTimeoutMs },
  })
  certs.attach(server)
  worker.attach(server)
  const handshakes = new WeakMap<Socket, WaitingLink>()
  const ways = new WeakMap<Socket, OwnWay>()
  server.on('connection', (raw: Socket) => {
    const handshake = new WaitingLink(raw)
    handshakes.set(raw, handshake)
    worker.opened(handshake)
    worker.clients.tls++
    raw.once('close', () => worker.closed(handshake))
  })
  server.on('secureConnection', (socket) => {
    const raw = rawSocketOf(socket)
    worker.clients.handshakes++
    accept(socket, worker, ways.get(raw) ?? null)
    const handshake = handshakes.get(raw)
    if (handshake) worker.closed(handshake)
  })
  // Not one that speaks TLS, or one that wants a name nobody has.
  server.on('tlsClientError', (_, socket) => {
    worker.clients.handshakesFailed++
    socket.destroy()
  })
  const shake = (raw: Socket): void => {
    worker.identify(raw, () => server.emit('connection', raw))
  }
  return {
    server: worker.expectsProxyHeader ? openFront(worker, shake) : server,
    accept(raw, own) {
      ways.set(raw, own)
      shake(raw)
    },
  }
}

/** Where a header comes first, the handshake cannot be that of the server which accepts. */
function openFront(worker: Worker, shake: (raw: Socket) => void): TcpServer {
  const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, shake)
  worker.attach(front)
  return front
}

function accept(socket: TLSSocket, worker: Worker, own: OwnWay | null): void {
  const { alpnProtocol } = socket
  if (alpnProtocol === 'h2') worker.opened(new Http2Connection(socket, worker, own))
  else if (alpnProtocol === false || alpnProtocol === 'http/1.1') {
    worker.opened(new ClientConnection(socket, worker, { proto: 'https', own }))
  } else {
    // The certificate of the challenge was the answer (RFC 8737 §3).
    socket.on('error', () => socket.destroy())
    socket.end()
  }
}
