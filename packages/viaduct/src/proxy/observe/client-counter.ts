/** What one worker counts of its clients' connections. */
import type { ClientCounters } from '../../wire/proxy-protocol.ts'

export class ClientCounter {
  /** Accepted, without and with TLS. */
  plain = 0
  tls = 0
  handshakes = 0
  handshakesFailed = 0
  sessions = 0
  sessionsOpen = 0
  streams = 0
  streamsOpen = 0

  read(): ClientCounters {
    const { plain, tls, handshakes, handshakesFailed } = this
    const { sessions, sessionsOpen, streams, streamsOpen } = this
    return {
      accepted: { plain, tls },
      handshakes: { ok: handshakes, failed: handshakesFailed },
      http2: { sessions, sessionsOpen, streams, streamsOpen },
    }
  }
}
