/**
 * Runs every test: `npm test`, or `npm test -- proxy e2e/crash` for the files whose path has one
 * of these in it. Lists the files itself and fails when it finds none; what needs the machine for
 * itself (test/e2e, timing) runs after the rest, one file at a time.
 *
 * The last lines are the totals as node's own runner prints them. A skip is shown loudly, and is a
 * failure in CI unless `allowed-skips.ts` says why it may be.
 */
import { glob } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type EventData, run } from 'node:test'
import { spec } from 'node:test/reporters'
import { allowedSkips } from './allowed-skips.ts'

const root = join(import.meta.dirname, '..')
const patterns = ['packages/*/{src,test}/**/*.test.ts', '{test,tools,bench}/**/*.test.ts']
/** One file that takes longer hangs. */
const fileTimeoutMs = 6 * 60_000
const concurrencyMax = 4

type TestEvent = { readonly type: string; readonly data: unknown }

interface Totals {
  tests: number
  suites: number
  passed: number
  failed: number
  cancelled: number
  skipped: number
  todo: number
}

const totals: Totals = {
  tests: 0,
  suites: 0,
  passed: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
  todo: 0,
}
const skips: { name: string; reason: string }[] = []

process.exitCode = await main(process.argv.slice(2))

async function main(wanted: readonly string[]): Promise<number> {
  const begun = performance.now()
  const files = await listTestFiles(wanted)
  if (files.length === 0) {
    process.stderr.write(`No test file found${wanted.length ? ` for ${wanted.join(', ')}` : ''}.\n`)
    return 1
  }
  await pipeline(Readable.from(eventsOf(files)), new spec(), process.stdout, { end: false })
  const refused = reportSkips()
  printTotals(performance.now() - begun)
  if (totals.tests === 0) process.stderr.write('No test ran.\n')
  const failed = totals.failed + totals.cancelled + refused
  return failed === 0 && totals.tests > 0 ? 0 : 1
}

async function listTestFiles(wanted: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(patterns, { cwd: root })) {
    if (file.includes('node_modules')) continue
    if (wanted.length === 0 || wanted.some((part) => file.includes(part))) files.push(file)
  }
  return files.sort()
}

/** All events of both phases as one stream; the totals of each phase are summed up instead. */
async function* eventsOf(files: readonly string[]): AsyncGenerator<TestEvent> {
  const alone = files.filter((file) => file.startsWith('test/e2e/'))
  const together = files.filter((file) => !alone.includes(file))
  yield* phase(together, Math.min(concurrencyMax, availableParallelism()))
  yield* phase(alone, 1)
}

async function* phase(files: readonly string[], concurrency: number): AsyncGenerator<TestEvent> {
  if (files.length === 0) return
  const paths = files.map((file) => join(root, file))
  const events: AsyncIterable<TestEvent> = run({
    files: paths,
    concurrency,
    timeout: fileTimeoutMs,
    cwd: root,
  })
  for await (const event of events) {
    if (event.type === 'test:summary') add(event.data as EventData.TestSummary)
    else if (event.type === 'test:pass') noteSkip(event.data as EventData.TestPass)
    if (!isTotal(event)) yield event
  }
}

function add(summary: EventData.TestSummary): void {
  if (summary.file !== undefined) return // Of one file; the one of the run has them all.
  // The types of node forget `failed`.
  const counts = summary.counts as typeof summary.counts & { failed: number }
  totals.tests += counts.tests
  totals.suites += counts.suites
  totals.passed += counts.passed
  totals.failed += counts.failed
  totals.cancelled += counts.cancelled
  totals.skipped += counts.skipped
  totals.todo += counts.todo
}

function noteSkip({ name, skip }: EventData.TestPass): void {
  if (skip === undefined || skip === false) return
  skips.push({ name, reason: typeof skip === 'string' ? skip : '' })
}

function isTotal({ type, data }: TestEvent): boolean {
  if (type !== 'test:diagnostic') return false
  const { message, nesting } = data as EventData.TestDiagnostic
  const total = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/
  return nesting === 0 && total.test(message)
}

/** @returns How many skips CI does not accept. */
function reportSkips(): number {
  const refused = skips.filter(({ name }) => !Object.hasOwn(allowedSkips, name))
  if (skips.length > 0) process.stdout.write(`\n*** ${skips.length} SKIPPED\n`)
  for (const { name, reason } of skips) {
    const allowed = allowedSkips[name]
    const note = allowed === undefined ? '' : ` (allowed in CI: ${allowed})`
    process.stdout.write(`***   ${name}: ${reason || 'no reason given'}${note}\n`)
  }
  if (process.env.CI !== 'true' || refused.length === 0) return 0
  process.stdout.write(`*** CI accepts no skips but those in tools/allowed-skips.ts\n`)
  return refused.length
}

function printTotals(tookMs: number): void {
  const { tests, suites, passed, failed, cancelled, skipped, todo } = totals
  const lines = { tests, suites, pass: passed, fail: failed, cancelled, skipped, todo }
  for (const [name, value] of Object.entries(lines)) process.stdout.write(`ℹ ${name} ${value}\n`)
  process.stdout.write(`ℹ duration_ms ${tookMs.toFixed(1)}\n`)
}
