/** Benchmarks that stand alone, too, as part of this run: their figures under a name in front. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Figure, Report } from '../../scenarios/report.ts'

const timeoutMs = 3 * 60_000

/** @throws {Error} It broke before it had a report. */
export async function runBench(
  name: 'routes' | 'proxy-stream',
  args: readonly string[],
): Promise<Figure[]> {
  const file = fileURLToPath(new URL(`../${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
  })
  // It then takes with it what it has started.
  const end = (): void => void child.kill()
  process.once('exit', end)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  process.off('exit', end)
  if (text === '') throw new Error(`${name} ended with ${String(code)} and no report`)
  const { figures } = JSON.parse(text.trim().split('\n').at(-1) ?? '') as Report
  const title = name === 'routes' ? 'routes' : 'stream of 1 GB'
  return figures.map((figure) => ({ ...figure, name: `${title}: ${figure.name}` }))
}
