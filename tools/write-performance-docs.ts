/**
 * Writes docs/performance.md from the newest run of the data plane's benchmark in bench/results;
 * `test/docs.test.ts` fails when the page is stale.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Figure,
  isGoalReached,
  isKept,
  type Report,
  renderAmount,
} from '../bench/scenarios/report.ts'

/** The benchmark itself makes a load of about two; with more, others were at work as well. */
const quietLoad = 4

const results = join(import.meta.dirname, '../bench/results')
export const performanceDocsPath = join(import.meta.dirname, '../docs/performance.md')

/** @throws {Error} There is no run. */
export async function newestRun(): Promise<Report> {
  const files = (await readdir(results)).filter((file) => /^\d{4}-\d\d-\d\d\.json$/.test(file))
  for (const file of files.toSorted().reverse()) {
    const reports = JSON.parse(await readFile(join(results, file), 'utf8')) as Report[]
    const found = reports.find(({ name }) => name === 'data-plane')
    if (found) return found
  }
  throw new Error(`No run of data-plane in ${results}; "npm run proof -- data-plane" makes one`)
}

/** The page as it has to be. */
export function renderPerformanceDocs({ date, machine, load = 0, figures }: Report): string {
  const promised = figures.filter(({ limit, least }) => (limit ?? least) !== undefined)
  const others = figures.filter((figure) => !promised.includes(figure))
  return `# Performance of the data plane

What requests cost the proxy, beside nginx, HAProxy and Caddy of Debian's packages doing equal
work in the same run. Made by

\`\`\`sh
npm run proof -- data-plane
\`\`\`

on ${date.slice(0, 10)}, ${machine}; load average at the end ${load.toFixed(1)}. It takes 11
minutes; \`-- data-plane --quick\` (fewer windows, beside nginx alone) less than three, and
\`-- data-plane --only small,tls\` does some of it: those leave no results.
\`bench/results/history.jsonl\` has a line per run; the proof says what is more than 10 % worse
than the last time on the same machine. What was tried to get there is in
[docs/decisions](decisions/0012-what-the-proxy-costs.md).
${load > quietLoad ? busy : ''}
## What is promised

Ratios are CPU time per request unless something else is said. In brackets the smallest and the
largest of the windows.

| work | measured | | promised | goal |
| --- | ---: | --- | --- | --- |
${promised.map(promisedRow).join('\n')}

## How it was measured

- **Equal work**: two instances, the one with the fewest requests in flight first; kept-alive
  connections to them; \`X-Forwarded-For\`, \`-Proto\`, \`-Host\`, a request id; no access log.
  nginx has buffers of 64 KB where bodies are large: with its defaults it cost twice as much
  there. The same ECDSA P-256 certificate for all.
- **One worker each**, pinned to one core with all its threads, so that garbage collection and
  compilation count. The load (wrk, h2load, \`openssl s_time\`) and the instances (an nginx) have
  the other.
- **CPU** is the sum of \`/proc/PID/task/*/schedstat\` over the process tree. Windows of one
  second, five for each proxy after one that does not count, in rotated order; a ratio is the
  median of the ratios of paired windows.
- **TLS** is 1.3 with X25519, as \`openssl s_client\` shows of each when the run starts (Caddy
  takes AES-128, the others AES-256). *Handshake per request* resumes nothing; *resumed session*
  is what wrk does, and has no promise.
- **Half of full load**: 128 connections that wait at random between requests, at half of the
  rate at which the worker's core is full; p99 less that of asking the instance itself.
- **Idle connections**: the worker's proportional set size before and after they came, one answer
  each, without the kernel's share. **Churn**: a new connection per request for a minute; the
  slope is that of its second half.

## What this does not show

- More than one worker, more than one machine, a network with delay or loss. Loopback makes the
  kernel's part small for large bodies, and thereby every proxy's own part large.
- Real clients: paths and cookies that differ between requests cost the parser more than wrk's
  equal ones, which are found in the last head of the connection.
- What others did on the machine meanwhile: see the load average. On a busy machine ratios came
  out up to 0.2 higher, and p99 says nothing.
- The metrics cannot be turned off: they count in every row.

## All figures

| figure | value | |
| --- | ---: | --- |
${others.map(otherRow).join('\n')}
`
}

const busy = `
**Others were at work on the machine meanwhile**: ratios are then higher, and latencies say nothing.
This run shows that all of it can be measured, not what is reached.
`

function promisedRow(figure: Figure): string {
  const { limit, least, goal } = figure
  const sign = limit === undefined ? '≥' : '≤'
  const promised = `${sign} ${limit ?? least}: ${isKept(figure) ? 'kept' : '**not kept**'}`
  const aim = goal === undefined ? '' : `${goal}: ${isGoalReached(figure) ? 'reached' : 'missed'}`
  return `| ${figure.name} | ${amountOf(figure)} | ${spreadOf(figure)} | ${promised} | ${aim} |`
}

function otherRow(figure: Figure): string {
  return `| ${figure.name} | ${amountOf(figure)} | ${spreadOf(figure)} |`
}

function amountOf({ value, unit }: Figure): string {
  return `${renderAmount(value)} ${unit}`.trim()
}

function spreadOf({ low, high }: Figure): string {
  return low === undefined || high === undefined ? '' : `[${low.toFixed(2)}–${high.toFixed(2)}]`
}

export async function writePerformanceDocs(): Promise<void> {
  await writeFile(performanceDocsPath, renderPerformanceDocs(await newestRun()))
}

if (import.meta.main) await writePerformanceDocs()
