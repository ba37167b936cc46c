/**
 * The long proofs, `npm run proof`: every benchmark with its full count, one after the other, and
 * the results as `bench/results/DATE.json`, to be committed with the code that they are about.
 * `npm run proof -- storm kills` runs only these; exits with 1 when a limit is broken.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Report, renderReport } from '../bench/scenarios/report.ts'

const bench = join(import.meta.dirname, '../bench')
const results = join(bench, 'results')
/** The longest of them are 50 + 50 deploys, and streaming a gigabyte. */
const benchTimeoutMs = 30 * 60_000

const wanted = process.argv.slice(2)
const chosen = (await readdir(bench))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.ts')))
  .sort()
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
await writeResults(reports)
process.stdout.write(failed.length === 0 ? '\nAll kept.\n' : `\nBroken: ${failed.join(', ')}\n`)
process.exitCode = failed.length === 0 ? 0 : 1

async function runBench(file: string): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [file, '--json'], {
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
