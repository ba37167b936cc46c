/**
 * The long proofs, `npm run proof`: every benchmark with its full count, one after the other, and
 * the results as `bench/results/DATE.json`, to be committed with the code that they are about.
 * `npm run proof -- storm kills` runs only these; exits with 1 when a limit is broken.
 *
 * Options are for the benchmarks, `npm run proof -- data-plane --quick --only tls`: such a run is
 * for looking at, and leaves no results. Others also go to the history, and what is much worse than
 * the last time is said; one of the data plane makes docs/performance.md anew.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Report, renderReport } from '../bench/scenarios/report.ts'
import { recordHistory } from './proof-history.ts'
import { writePerformanceDocs } from './write-performance-docs.ts'

const bench = join(import.meta.dirname, '../bench')
const results = join(bench, 'results')
/** The longest of them are 50 + 50 deploys, and streaming a gigabyte. */
const benchTimeoutMs = 30 * 60_000

const given = process.argv.slice(2)
const optionsFrom = given.findIndex((argument) => argument.startsWith('--'))
const wanted = optionsFrom === -1 ? given : given.slice(0, optionsFrom)
const options = optionsFrom === -1 ? [] : given.slice(optionsFrom)
/** Each file right in one of these is a proof; what it is made of is in folders below. */
const subjects = ['platform', 'proxy', 'library']
const proofs = (await Promise.all(subjects.map(listProofs))).flat().sort()
const names = proofs.map((file) => basename(file, '.ts'))
const unknown = wanted.find((name) => !names.includes(name))
if (unknown !== undefined) throw new Error(`No "${unknown}": there are ${names.join(', ')}`)
const chosen = proofs.filter((_, at) => wanted.length === 0 || wanted.includes(names[at] ?? ''))
if (chosen.length === 0) throw new Error(`No benchmark found in ${bench}`)

const failed: string[] = []
const reports: Report[] = []
for (const file of chosen) {
  process.stdout.write(`\n== ${file}\n`)
  const { code, stdout } = await runBench(join(bench, file))
  const report = parseReport(stdout)
  if (report) reports.push(report)
  process.stdout.write(report ? renderReport(report) : stdout)
  if (code !== 0) failed.push(file)
}
if (options.length === 0) await record(reports)
process.stdout.write(failed.length === 0 ? '\nAll kept.\n' : `\nBroken: ${failed.join(', ')}\n`)
process.exitCode = failed.length === 0 ? 0 : 1

async function listProofs(subject: string): Promise<string[]> {
  const files = await readdir(join(bench, subject))
  return files.filter((name) => name.endsWith('.ts')).map((name) => join(subject, name))
}

async function runBench(file: string): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [file, '--json', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: benchTimeoutMs,
  })
  let stdout = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout }))
  })
}

/** The last line of a benchmark is its report. */
function parseReport(stdout: string): Report | null {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report
  } catch {
    return null // It broke before; what it printed is shown.
  }
}

async function record(reports_: readonly Report[]): Promise<void> {
  await writeResults(reports_)
  const falls = await recordHistory(join(results, 'history.jsonl'), reports_)
  for (const fall of falls) process.stdout.write(`Fell by more than 10 %: ${fall}\n`)
  if (reports_.some(({ name }) => name === 'data-plane')) await writePerformanceDocs()
}

/** Benchmarks that were not run today keep what was there of today. */
async function writeResults(reports_: readonly Report[]): Promise<void> {
  await mkdir(results, { recursive: true })
  const path = join(results, `${new Date().toISOString().slice(0, 10)}.json`)
  const earlier = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as Report[],
    () => [], // The first of today.
  )
  const names = new Set(reports_.map(({ name }) => name))
  const all = [...earlier.filter(({ name }) => !names.has(name)), ...reports_]
  all.sort((a, b) => a.name.localeCompare(b.name))
  await writeFile(path, `${JSON.stringify(all, null, 2)}\n`)
}
