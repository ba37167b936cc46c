/** Cuts a worker's output into lines; what ends without a line break is the last line. */
import type { Readable } from 'node:stream'
import { lineMax } from '../limits.ts'

/** @param onLine Gets each line without its line break. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
    for (; rest.length > lineMax; rest = rest.slice(lineMax)) onLine(rest.slice(0, lineMax))
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest)
  })
  stream.on('error', () => stream.destroy()) // The worker is gone; its exit tells the rest.
}
