/** Cuts a line to the width of the terminal, so that it never wraps. Pure. */
import { stripVTControlCharacters } from 'node:util'

/** By what is seen; a line that is too long loses its colours, which is better than to wrap. */
export function cutLine(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  return plain.length <= columns ? line : plain.slice(0, columns)
}
