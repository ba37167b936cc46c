/** What does kill -9 of keeper, daemon or proxy cost? `npm run proof -- kills [--times 20]` */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { type Victim, runKills } from '../scenarios/kills.ts'
import { type Figure, numberOption, quantile, report } from '../scenarios/report.ts'

const times = numberOption('times', 20)
const figures: Figure[] = []
for (const victim of ['keeper', 'daemon', 'proxy'] satisfies Victim[]) {
  await using platform = await startPlatform()
  const { recoveryMs, surprises, load } = await runKills(platform, { victim, times })
  for (const surprise of surprises) process.stderr.write(`${victim}: ${surprise}\n`)
  for (const failure of load.failures.filter(({ excused }) => !excused)) {
    process.stderr.write(`${victim}: ${JSON.stringify(failure)}\n`)
  }
  const longest = quantile(recoveryMs, 1)
  // The promise of one second is about the keeper; the other two are started again by it.
  const limit = victim === 'keeper' ? { limit: 1_000 } : {}
  figures.push(
    { name: `${victim}: kills`, value: times, unit: '' },
    { name: `${victim}: requests`, value: load.requests, unit: '' },
    { name: `${victim}: failed requests`, value: load.failed, unit: '', limit: 0 },
    { name: `${victim}: requests lost inside it`, value: load.killed, unit: '' },
    {
      name: `${victim}: dead instances and other surprises`,
      value: surprises.length,
      unit: '',
      limit: 0,
    },
    {
      name: `${victim}: everything supervised again, median`,
      value: quantile(recoveryMs, 0.5),
      unit: 'ms',
    },
    {
      name: `${victim}: everything supervised again, longest`,
      value: longest,
      unit: 'ms',
      ...limit,
    },
  )
}
report('kills', figures)
