/**
 * Tells what happens: as text on stderr for `DEBUG=supervise:*`, and as data on the channel
 * `supervise` of `node:diagnostics_channel`. Costs one comparison when nobody listens.
 */
import { channel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'

export type TraceSource = 'master' | 'worker' | 'messageBus'

export type Trace = (what: string, details?: Readonly<Record<string, unknown>>) => void

const events = channel('supervise')

/** @returns A function for one part of the library: `DEBUG=supervise:master` shows its lines. */
export function traceOf(source: TraceSource, debug = process.env.DEBUG ?? ''): Trace {
  const name = `supervise:${source}`
  const shown = isNamed(name, debug)
  return (what, details = {}) => {
    if (shown) {
      const text = inspect(details, { breakLength: Infinity, depth: 4 })
      process.stderr.write(`${new Date().toISOString()} ${name} ${what} ${text}\n`)
    }
    if (events.hasSubscribers) events.publish({ source, what, at: Date.now(), ...details })
  }
}

/** The rules of the package `debug`: names by comma or space, `*` for anything, `-` for not. */
function isNamed(name: string, debug: string): boolean {
  const words = debug.split(/[\s,]+/).filter(Boolean)
  const named = (word: string): boolean => {
    const parts = word.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`).test(name)
  }
  if (words.some((word) => word.startsWith('-') && named(word.slice(1)))) return false
  return words.some((word) => !word.startsWith('-') && named(word))
}
