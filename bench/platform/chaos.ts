/**
 * Does the platform survive whatever happens to it? `npm run proof -- chaos [--minutes 5]
 * [--seed N] [--rounds N] [--keep DIR]`. With --keep the logs of a run that failed are copied to
 * DIR.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { runChaos } from '../scenarios/chaos.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'

const seed = numberOption('seed', Math.floor(Math.random() * 2 ** 31))
const minutes = numberOption('minutes', 5)
const rounds = numberOption('rounds', Infinity)
const keep = process.argv.indexOf('--keep')
const begun = performance.now()
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(2).padStart(8)} ${line}\n`)
}
say(`seed ${seed}`)
await using platform = await startPlatform({ env: { VIADUCT_LOG_LEVEL: 'debug' } })
const options = { seed, rounds, timeMs: minutes * 60_000, say }
const { violations, restMs, supervisedMs, load, ...count } = await runChaos(platform, options)
const unexcused = load.failures.filter(({ excused }) => !excused)
for (const violation of violations) say(violation)
for (const failure of unexcused.slice(0, 10)) say(JSON.stringify(failure))
if (keep !== -1 && violations.length + unexcused.length > 0) {
  const place = join(process.argv[keep + 1] ?? '', `chaos-${seed}`)
  for (const folder of ['logs', 'run']) {
    const filter = (path: string): boolean => !/\.sock$|\/i\//.test(path)
    await cp(join(platform.dataDir, folder), join(place, folder), { recursive: true, filter })
  }
  say(`logs are in ${place}`)
}
report('chaos', [
  { name: 'seed', value: seed, unit: '' },
  { name: 'rounds', value: count.rounds, unit: '' },
  { name: 'things asked for', value: count.asked, unit: '' },
  { name: 'kills', value: count.kills, unit: '' },
  { name: 'violations', value: violations.length, unit: '', limit: 0 },
  { name: 'requests', value: load.requests, unit: '' },
  { name: 'requests lost', value: load.failed, unit: '', limit: 0 },
  { name: 'requests lost inside what was killed', value: load.killed, unit: '' },
  { name: 'keepers started again', value: supervisedMs.length, unit: '' },
  { name: 'until they supervise, median', value: quantile(supervisedMs, 0.5), unit: 'ms' },
  { name: 'until they supervise, longest', value: quantile(supervisedMs, 1), unit: 'ms' },
  { name: 'until all is at rest, median', value: quantile(restMs, 0.5), unit: 'ms' },
  { name: 'until all is at rest, longest', value: quantile(restMs, 1), unit: 'ms' },
])
