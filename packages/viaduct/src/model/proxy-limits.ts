/**
 * Limits and defaults of the data plane, as `limits.ts` has them for everything else: each with its
 * unit in the name and its reason beside it.
 */

/** Head of a request or response at the proxy. */
export const headMaxBytes = 32 * 1024
export const headersMax = 128
/** 1xx answers before one final answer: apps send one or two, a flood fills the client's memory. */
export const interimHeadsMax = 16
/** The size line of a chunk, with its extension. */
export const chunkLineMaxBytes = 256
/** Read buffer of a connection to an instance: 64 KB, as many write at once, and a head. */
export const upstreamBufferBytes = 68 * 1024
/** The same while large bodies pass, with which a megabyte takes a quarter of the reads … */
export const largeBufferBytes = 256 * 1024
/** … for so many connections of a worker at once, because memory is kept small. */
export const largeBuffersMax = 32
/** A head and the beginning of a body are one write up to here; copying more costs more. */
export const joinedMaxBytes = 64 * 1024
/** Read buffers of bodies that wait for V8 to free them. */
export const bufferGarbageMaxBytes = 8 * 1024 * 1024
/** A smaller piece for a client that does not read is copied: it would keep a whole buffer. */
export const pinnedMinBytes = 16 * 1024
/** An instance is on this machine: a connect that takes longer will not succeed. */
export const upstreamConnectTimeoutMs = 5_000
/** An app that says nothing of its keep-alive is presumed to close after this. */
export const upstreamIdleMs = 4_000
/** Kept from what an app says in `Keep-Alive: timeout=N`: its timer may run ahead of ours. */
export const upstreamIdleMarginMs = 1_000
/**
 * A request that cannot be repeated takes no connection that was idle for longer, unless the app
 * says.
 */
export const nonIdempotentIdleMs = 1_000
export const upstreamIdleConnectionsMax = 256
/** From the request to the head of its response. */
export const responseHeadTimeoutMs = 60_000
/** An instance that just came gets at least this share of what it would get. */
export const slowStartShareMin = 0.1
/** WebSockets of a release that leaves are closed within this, one after the other. */
export const webSocketCloseSpreadMs = 10_000
/** A client that was sent a close frame answers it within this. */
export const webSocketCloseTimeoutMs = 5_000
/** Clients that a rate limit remembers, per app and worker; the least recently seen go first. */
export const rateLimitKeysMax = 10_000
/** Passwords that are checked at a time, per app and worker: each takes 16 MB and a thread. */
export const basicAuthChecksMax = 4
/** Others wait for their turn; so many are checked by one core within the time that they wait. */
export const basicAuthWaitingMax = 250
export const basicAuthWaitMaxMs = 10_000
/** Credentials of which the answer is remembered, right ones and wrong ones each. */
export const basicAuthKnownMax = 1_000
/** Paths of a release's files that a worker remembers, also that there is nothing. */
export const staticKnownMax = 10_000
/** Longer files are not read to tell them from those of another release. */
export const staticHashMaxBytes = 16 * 1024 * 1024
export const staticPieceBytes = 64 * 1024
/** Of the path of a file within a release; longer ones are not looked for, nor remembered. */
export const staticPathMaxChars = 1_024
/** A shorter response is not worth compressing: it fits a packet. */
export const compressMinBytes = 1024
/** Responses of a worker that are compressed at a time: each takes up to 1 MB. */
export const encodersMax = 256
/** A PROXY header of version 2, with what a balancer adds; 216 bytes are usual at most. */
export const proxyHeaderMaxBytes = 4_096
/** A balancer sends it with its first packet. */
export const proxyHeaderTimeoutMs = 5_000
/** A client connection between two requests. */
export const clientIdleTimeoutMs = 75_000
/**
 * A client that has ended its side still gets an answer that comes, or goes on, within this; most
 * of them are gone, and the app works for nobody.
 */
export const halfClosedTimeoutMs = 10_000
/** A tunnel of which one end has said all: the other gets this long between two pieces. */
export const tunnelHalfClosedMs = 60_000
/** A tunnel may be silent for ever, but its client must be there: the kernel asks after this. */
export const tunnelProbeMs = 60_000
/** After an answer that ends the connection, input is read and thrown away this long, this much. */
export const lingerTimeoutMs = 5_000
export const lingerMaxBytes = 16 * 1024 * 1024
/** A request's body is kept for a repetition up to here. */
export const replayMaxBytes = 64 * 1024
/** A request is given to an instance this often at most when it gets reset. */
export const placesMax = 3
/** A held request looks again, besides at each change of the routes. */
export const holdRetryMs = 200
export const deadlineSweepMs = 500
export const accessLogFlushMs = 1_000
/** Releases per app whose answers a proxy counts apart: what runs, is warm, and was before. */
export const releasesCountedMax = 8
/** Characters of a user agent or referer in the access log. */
export const accessLogFieldMax = 1_000
/** An app without requests has its file closed: when it was destroyed, that frees the space. */
export const accessLogQuietMs = 10_000
/**
 * Of the descriptors that a worker may have, new clients leave a sixteenth to those that are there:
 * for connections to instances, logs and helpers. Of a tiny limit at most a quarter.
 */
export const descriptorReserveMin = 32
export const descriptorReserveMax = 1_024
/** Within so few descriptors a burst is there before anything can be prepared for it. */
export const descriptorsFewMax = 4_096
/** Where descriptors are short, a connection that has waited so long for a request may go. */
export const crowdedIdleMs = 2_000
/** Shortage is reported this often; while it lasts, all descriptors are counted this often. */
export const descriptorReportMs = 60_000
export const descriptorRecountMs = 10_000
/** From the accepted connection to the end of its TLS handshake: two round trips, a slow phone. */
export const tlsHandshakeTimeoutMs = 10_000
/** Requests of one HTTP/2 connection at a time; each may hold a window's worth of body. */
export const h2StreamsMax = 128
/** What a client may send of one body before somebody reads it: 1.3 MB/s at 100 ms away. */
export const h2StreamWindowBytes = 128 * 1024
/** The same for all bodies of a connection on the wire. */
export const h2ConnectionWindowBytes = 1024 * 1024
/** For one HTTP/2 connection, and not with the kernel: then nothing more is read or written. */
export const h2UnsentMaxBytes = 256 * 1024
/** Buffers for what a turn of the event loop writes, of 65 KB, kept for the next one. */
export const h2BuffersKept = 32
/** And of 4 KB, for turns that write little. */
export const h2SmallBuffersKept = 256
/** Streams that are over, 1 KB each, kept for new ones: garbage costs time. */
export const h2StreamClientsKept = 256
/** Of the table of fields of either side: what RFC 7541 begins with. */
export const h2TableBytes = 4_096
/** Names of fields of answers whose way of writing is remembered; apps may make some up. */
export const h2NamesKnownMax = 1_000
/** Of a head as it comes: one that is longer when it is read, too, can still be told so. */
export const h2BlockMaxBytes = 2 * headMaxBytes
/** Pieces of one head, as few as others take (CVE-2024-27316). */
export const h2ContinuationsMax = 8
/** Streams that we ended, and for which something may still be on its way. */
export const h2ResetsKept = 512
/** From the word that a connection ends to its end: a round trip, where no answer to it comes. */
export const h2LeaveNoticeMs = 1_000
/**
 * Requests that end before their answer does (`RST_STREAM` by either side), per connection and
 * window: a browser that leaves a page cancels all it has, an attacker (CVE-2023-44487) goes on.
 */
export const h2ResetsMax = 2 * h2StreamsMax
/** SETTINGS and PING frames, each of which has to be answered; gRPC pings a few times a second. */
export const h2ControlFramesMax = 256
export const h2FloodWindowMs = 10_000
/** A longer name is no host name (RFC 1035 §2.3.4), and is compared as a whole only. */
export const hostNameMaxChars = 255
/** Names whose regular expressions are remembered; clients may make up as many as they like. */
export const hostRegexpNamesMax = 1_000
