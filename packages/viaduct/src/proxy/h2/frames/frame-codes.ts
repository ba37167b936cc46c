/** The numbers of HTTP/2 (RFC 9113 §6, §7; RFC 8441 §3). */

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const frameFlags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const

export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const

export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes]

export const frameHeadBytes = 9
/** Of a payload: we ask for no more, and send no more. */
export const payloadMaxBytes = 16_384
/** Of a stream, and of windows, which are 31 bits. */
export const windowMax = 2 ** 31 - 1
/** Of a stream and of the connection until the settings say more. */
export const firstWindowBytes = 65_535
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
