/** Single fields of a head that was read already, for what looks at them rarely. */

const patterns = new Map<string, RegExp>()

/**
 * @param fields Lines with CRLF, as in `RequestHead.fields`.
 * @param name Lower case.
 * @returns The value without white space around it; empty when there is none. Several lines are one
 *   list, as in RFC 9110 §5.3: a field that is no list is then wrong, whatever it says first.
 */
export function fieldOf(fields: string, name: string): string {
  let pattern = patterns.get(name)
  if (!pattern) patterns.set(name, (pattern = new RegExp(`(?:^|\\n)${name}:([^\\r\\n]*)`, 'gi')))
  return Array.from(fields.matchAll(pattern), ([, value = '']) => value.trim()).join(', ')
}
