/**
 * Writes DER (ITU-T X.690), the few types of it that a certificate or a request needs. node:crypto
 * reads certificates but makes none. Pure.
 */

/** One element: tag, length, content. */
function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const digits = length.toString(16)
  const size = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, content])
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(0x30, ...parts)
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return element(0x31, ...parts)
}

/** @param bytes Big-endian, unsigned. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first === -1 ? Buffer.of(0) : Buffer.from(bytes.subarray(first))
  // A leading bit of 1 would make it negative.
  return element(0x02, ...(digits[0]! >= 0x80 ? [Buffer.of(0), digits] : [digits]))
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0))
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(0x03, Buffer.of(unusedBits), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(0x04, bytes)
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text))
}

/** @param dotted e.g. `2.5.29.17`; every part after the second is below 2^28. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest.flatMap(base128)]
  return element(0x06, Buffer.from(bytes))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80)
  return bytes
}

/** GeneralizedTime after 2049, UTCTime before, as RFC 5280 §4.1.2.5 demands; whole seconds. */
export function time(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  if (digits < '2050') return element(0x17, Buffer.from(`${digits.slice(2)}Z`))
  return element(0x18, Buffer.from(`${digits}Z`))
}

/** `[number]`, constructed around its content or, for `primitive`, in the place of its own tag. */
export function tagged(
  number: number,
  content: Uint8Array,
  options: { primitive?: boolean } = {},
): Buffer {
  return element((options.primitive ? 0x80 : 0xa0) | number, content)
}

/** `-----BEGIN LABEL-----`, lines of 64 characters. */
export function renderPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
