/**
 * Byte classes and comparisons that the HTTP parsers share. Tables, because a table look-up costs
 * the same for every byte. Nothing here knows what a field means.
 */
export const cr = 13
export const lf = 10
export const space = 32
export const tab = 9
export const colon = 58

/** 1 for each byte of a token (RFC 9110 §5.6.2). */
export const isTokenByte = table("!#$%&'*+-.^_`|~", 'alphanumeric')
/** 1 for each byte of a field value: visible, space, tab, and obs-text. */
export const isValueByte = valueTable()
/** 1 for each byte of a request target: visible ASCII without "#", which never leaves a browser. */
export const isTargetByte = rangeTable(0x21, 0x7e, '#')
/** 1 for each byte of a Host value: reg-name, IP literal, port. */
export const isHostByte = table("-._~%!$&'()*+,;=:[]", 'alphanumeric')
/** 1 for each byte of a request id that a client may choose. */
export const isIdByte = table('-_.:', 'alphanumeric')

function table(more: string, _base: 'alphanumeric'): Uint8Array {
  const bytes = new Uint8Array(256)
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  for (const char of `0123456789${letters}${letters.toUpperCase()}${more}`) {
    bytes[char.charCodeAt(0)] = 1
  }
  return bytes
}

function rangeTable(from: number, to: number, except: string): Uint8Array {
  const bytes = new Uint8Array(256).fill(1, from, to + 1)
  for (const char of except) bytes[char.charCodeAt(0)] = 0
  return bytes
}

function valueTable(): Uint8Array {
  const bytes = new Uint8Array(256).fill(1, 0x20)
  bytes[0x7f] = 0
  bytes[tab] = 1
  return bytes
}

/** Whether `bytes[start, end)` is `lower`, in any case. `lower` has no upper-case letter. */
export const equalsIgnoreCase = equalsBy(lowerCase)

/**
 * As `equalsIgnoreCase`, with "_" for "-" too: to apps behind CGI, WSGI or Rack they are one name.
 */
export const equalsLoosely = equalsBy((byte) => (byte === 95 ? 45 : lowerCase(byte)))

function lowerCase(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 32 : byte
}

type Equals = (bytes: Uint8Array, range: { start: number; end: number }, lower: string) => boolean

/** @param fold What a byte is taken for. */
function equalsBy(fold: (byte: number) => number): Equals {
  const folded = Uint8Array.from({ length: 256 }, (_, byte) => fold(byte))
  return (bytes, { start, end }, lower) => {
    if (end - start !== lower.length) return false
    for (let i = 0; i < lower.length; i++) {
      if (folded[bytes[start + i] as number] !== lower.charCodeAt(i)) return false
    }
    return true
  }
}

/** Whether `HTTP/1.` is at `start`. */
export function isHttp1(bytes: Uint8Array, start: number): boolean {
  return (
    bytes[start] === 72 &&
    bytes[start + 1] === 84 &&
    bytes[start + 2] === 84 &&
    bytes[start + 3] === 80 &&
    bytes[start + 4] === 47 &&
    bytes[start + 5] === 49 &&
    bytes[start + 6] === 46
  )
}

/** @returns The number that `[start, end)` writes in 1 to 15 digits, else -1. */
export function parseDigits(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
