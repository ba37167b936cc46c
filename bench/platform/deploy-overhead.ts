/** What does a deploy add to the app's own boot? `npm run proof -- deploy-overhead [--times 20]` */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { measureDeploys } from '../scenarios/deploys.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'

await using platform = await startPlatform()
const { deployMs, bootMs } = await measureDeploys(platform, numberOption('times', 20))
const boot = quantile(bootMs, 0.5)
report('deploy-overhead', [
  { name: 'deploys', value: deployMs.length, unit: '' },
  { name: 'whole deploy, median', value: quantile(deployMs, 0.5), unit: 'ms' },
  { name: "the app's own boot, median", value: boot, unit: 'ms' },
  { name: 'overhead, median', value: quantile(deployMs, 0.5) - boot, unit: 'ms', limit: 500 },
])
