/** Single fields of a head that was read already, for what looks at them rarely. */

const patterns = new Map<string, RegExp>()

/**
 * @param fields Lines with CRLF, as in `RequestHead.fields`.
 * @param name Lower case.
 * @returns The value of the first one without white space around it; empty when there is none.
 */
export function fieldOf(fields: string, name: string): string {
  let pattern = patterns.get(name)
  if (!pattern) patterns.set(name, (pattern = new RegExp(`(?:^|\\n)${name}:([^\\r\\n]*)`, 'i')))
  return pattern.exec(fields)?.[1]?.trim() ?? ''
}
