/** How fast is a rollback to a warm release? `npm run proof -- rollback-latency [--times 100]` */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'
import { measureRollbacks } from '../scenarios/rollbacks.ts'

await using platform = await startPlatform()
const tookMs = await measureRollbacks(platform, numberOption('times', 100))
report('rollback-latency', [
  { name: 'rollbacks', value: tookMs.length, unit: '' },
  {
    name: 'API call to first answer of the old release, median',
    value: quantile(tookMs, 0.5),
    unit: 'ms',
  },
  { name: 'the same, p99', value: quantile(tookMs, 0.99), unit: 'ms', limit: 50 },
])
