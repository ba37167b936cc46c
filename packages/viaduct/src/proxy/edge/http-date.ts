/** Dates as HTTP writes them (RFC 9110 §5.6.7). */
const name = '[A-Z][a-z]+'
/** `Sun, 06 Nov 1994 08:49:37 GMT`, and as it was written before 1999. */
const usual = new RegExp(
  `^${name}, \\d\\d[ -]${name}[ -](?:\\d\\d)?\\d\\d \\d\\d:\\d\\d:\\d\\d GMT$`,
)
/** `Sun Nov  6 08:49:37 1994`, as C writes it. */
const asctime = new RegExp(`^${name} ${name} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}$`)

/**
 * Reads a date of HTTP, in each of its three forms (RFC 9110 §5.6.7). `Date.parse` alone finds a
 * date in nearly anything.
 *
 * @returns Unix milliseconds; NaN when it is none.
 */
export function parseHttpDate(text: string): number {
  if (usual.test(text)) return Date.parse(text)
  return asctime.test(text) ? Date.parse(`${text} GMT`) : NaN
}
