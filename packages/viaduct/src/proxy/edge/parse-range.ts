/** One range of a representation, in bytes. */
export interface Range {
  readonly start: number
  /** Just after the last one. */
  readonly end: number
}

/**
 * @param field Value of `Range` (RFC 9110 §14.2).
 * @param size Of the whole, in bytes.
 * @returns null when all is to be sent: no range, several, another unit, or not well-formed.
 */
export function parseRange(field: string, size: number): Range | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(field)
  const [, first = '', last = ''] = match ?? []
  if (!match || (first === '' && last === '')) return null
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return null
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}
