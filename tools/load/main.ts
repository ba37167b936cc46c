/**
 * The load generator, a process of its own so that it disturbs nobody's event loop:
 *
 *   node tools/load/main.ts --url http[s]://hello.localhost:8080 [--duration SECONDS] [--rate 400]
 *        [--mix get=4,new=4,post=4,slow=2,sse=2,ws=2] [--slow-ms 500] [--stream-ms 2000]
 *        [--timeout-ms 20000] [--record FILE]
 *
 * Without --duration it runs until stdin closes or says so; `messages.ts` has the lines that it
 * reads and prints, and what the app has to answer. Loopback only.
 */
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type LoadContext, runClient } from './clients.ts'
import { H2Sessions } from './h2-sessions.ts'
import { Ledger } from './ledger.ts'
import { type Kind, type LoadInput, type LoadOutput, defaultMix, kinds } from './messages.ts'
import { Pacer } from './pacer.ts'
import type { Target } from './send-request.ts'

const totalsEveryMs = 200

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    duration: { type: 'string' },
    rate: { type: 'string', default: '400' },
    mix: { type: 'string', default: '' },
    'slow-ms': { type: 'string', default: '500' },
    'stream-ms': { type: 'string', default: '2000' },
    'timeout-ms': { type: 'string', default: '20000' },
    record: { type: 'string' },
  },
})

const stop = new AbortController()
const ledger = new Ledger()
const file = values.record === undefined ? null : createWriteStream(values.record)
const target = parseTarget(values.url)
using sessions = new H2Sessions(target)
const context: LoadContext = {
  target,
  sessions,
  ledger,
  pacer: new Pacer(parseCount('rate', values.rate)),
  signal: stop.signal,
  timeoutMs: parseCount('timeout-ms', values['timeout-ms']),
  slowMs: parseCount('slow-ms', values['slow-ms']),
  streamMs: parseCount('stream-ms', values['stream-ms']),
  record: file && ((line) => void file.write(`${line}\n`)),
  inFlight: 0,
}

const clients: Promise<void>[] = []
for (const [kind, count] of parseMix(values.mix)) {
  for (let i = 0; i < count; i++) clients.push(runClient(context, kind))
}
if (values.duration === undefined) {
  const input = createInterface({ input: process.stdin })
  input.on('line', (line) => obey(JSON.parse(line) as LoadInput))
  input.on('close', () => stop.abort())
} else {
  setTimeout(() => stop.abort(), parseCount('duration', values.duration) * 1000)
}
process.on('SIGINT', () => stop.abort())
process.on('SIGTERM', () => stop.abort())
const ticker = setInterval(() => {
  print({ type: 'totals', ...ledger.totals(context.inFlight) })
}, totalsEveryMs)

await Promise.all(clients)
clearInterval(ticker)
if (file) await new Promise<void>((resolve) => file.end(() => resolve()))
print({ type: 'summary', ...ledger.summary() })
process.stdin.destroy()

function obey(input: LoadInput): void {
  if ('kill' in input) ledger.mark(input.kill)
  else stop.abort()
}

function print(output: LoadOutput): void {
  process.stdout.write(`${JSON.stringify(output)}\n`)
}

function parseTarget(text: string | undefined): Target {
  if (text === undefined) throw new Error('Say where the load goes: --url http://HOST:PORT')
  const { hostname, host, port, protocol } = new URL(text)
  const loopback = hostname === '127.0.0.1' || /(^|\.)localhost$/.test(hostname)
  const isTls = protocol === 'https:'
  if ((!isTls && protocol !== 'http:') || !loopback) {
    throw new Error(`The load goes to this machine only, by http or https, not to ${text}`)
  }
  // Not every resolver knows APP.localhost.
  return { address: '127.0.0.1', port: Number(port || (isTls ? 443 : 80)), host, hostname, isTls }
}

function parseMix(text: string): [Kind, number][] {
  const counts: Record<Kind, number> = { ...defaultMix }
  for (const part of text.split(',').filter((item) => item !== '')) {
    const [kind = '', count = ''] = part.split('=')
    if (!isKind(kind)) throw new Error(`--mix knows ${kinds.join(', ')}, not "${kind}"`)
    counts[kind] = Number(count)
  }
  return kinds.map((kind) => [kind, counts[kind]])
}

function isKind(text: string): text is Kind {
  return kinds.some((kind) => kind === text)
}

function parseCount(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} must be a number above 0, not "${text}"`)
}
