/** Are requests lost when deploys and rollbacks storm? `npm run proof -- storm [--deploys 50]` */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'
import { runStorm } from '../scenarios/storm.ts'

await using platform = await startPlatform()
const deploys = numberOption('deploys', 50)
const rollbacks = numberOption('rollbacks', 50)
const { surprises, deployMs, rollbackMs, load } = await runStorm(platform, { deploys, rollbacks })
for (const surprise of surprises) process.stderr.write(`${surprise}\n`)
for (const failure of load.failures) process.stderr.write(`${JSON.stringify(failure)}\n`)
report('storm', [
  { name: 'deploys', value: deploys, unit: '' },
  { name: 'rollbacks', value: rollbacks, unit: '' },
  {
    name: 'deploys or rollbacks with another end than expected',
    value: surprises.length,
    unit: '',
    limit: 0,
  },
  { name: 'requests', value: load.requests, unit: '' },
  { name: 'failed requests', value: load.failed, unit: '', limit: 0 },
  { name: 'WebSockets', value: load.kinds.ws.requests, unit: '' },
  { name: 'WebSockets cut', value: load.kinds.ws.failed, unit: '', limit: 0 },
  { name: 'deploy, median', value: quantile(deployMs, 0.5), unit: 'ms' },
  { name: 'rollback, median', value: quantile(rollbackMs, 0.5), unit: 'ms' },
  { name: 'GET, p99', value: load.kinds.get.p99, unit: 'ms' },
  { name: 'GET, longest', value: load.kinds.get.max, unit: 'ms' },
])
