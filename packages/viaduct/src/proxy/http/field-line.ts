/**
 * Scans one field line (`Name: value CRLF`) of a head or a trailer section, strictly, on bytes.
 *
 * Knows the characters that RFC 9110 allows, not what any field means. The result goes to the one
 * module-level `field`, so that the hot path allocates nothing: read it before the next call.
 */

/** More bytes are needed. */
export const incomplete = -1
/** Not a field line: bare CR or LF, NUL, space before the colon, folding … */
export const malformed = -2

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** 1 for the characters of a token (RFC 9110 §5.6.2). */
export const isToken = tableOf(`!#$%&'*+-.^_\`|~0123456789${letters}`)
/** 1 for what a field value may hold: HTAB, SP, visible characters, and bytes from 0x80 on. */
export const isFieldText = new Uint8Array(256).map((_, byte) =>
  Number(byte === 9 || (byte >= 32 && byte !== 127)),
)
/** 1 for what a request target may hold: visible ASCII without `#`. */
export const isTargetText = new Uint8Array(256).map((_, byte) =>
  Number(byte > 32 && byte < 127 && byte !== 35),
)

/** Offsets of the last line that `scanField` found; the value without spaces around it. */
export const field = { nameEnd: 0, valueStart: 0, valueEnd: 0 }

/** @returns Offset of the next line, or `incomplete`, or `malformed`. */
export function scanField(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isToken[bytes[at] as number] === 1) at++
  if (at === end) return incomplete
  if (bytes[at] !== 58 || at === start) return malformed
  field.nameEnd = at++
  while (at < end && (bytes[at] === 32 || bytes[at] === 9)) at++
  field.valueStart = at
  while (at < end && isFieldText[bytes[at] as number] === 1) at++
  if (at === end) return incomplete
  if (bytes[at] !== 13) return malformed
  if (at + 1 === end) return incomplete
  if (bytes[at + 1] !== 10) return malformed
  let valueEnd = at
  while (valueEnd > field.valueStart && isSpace(bytes[valueEnd - 1] as number)) valueEnd--
  field.valueEnd = valueEnd
  return at + 2
}

/** Compares without regard to case; the caller has compared the lengths. @param word Lower case. */
export function matches(bytes: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    let byte = bytes[start + i] as number
    if (byte >= 65 && byte <= 90) byte |= 32
    if (byte !== word.charCodeAt(i)) return false
  }
  return true
}

/** @returns The number, or -1 for anything but 1 to 15 digits. */
export function parseDigits(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}
