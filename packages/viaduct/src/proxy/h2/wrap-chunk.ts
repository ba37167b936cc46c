/** Bytes as one chunk of HTTP/1.1 (RFC 9112 §7.1). @param bytes Not empty. */
export function wrapChunk(bytes: Buffer): Buffer {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1')
  return Buffer.concat([size, bytes, crlf])
}

const crlf = Buffer.from('\r\n')
