/** Fields of a head that was read already: single ones, for what looks at them rarely. */

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

/**
 * Without the spaces and tabs around it. (`trim` would take the end of many a letter in UTF-8 for
 * white space: a non-breaking space in latin1.)
 *
 * @param text Each character is a byte.
 */
export function trimBlanks(text: string, from = 0): string {
  let start = from
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}
