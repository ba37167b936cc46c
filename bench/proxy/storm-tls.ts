/**
 * The storm over TLS: HTTP/1.1 and HTTP/2 with uploads, event streams and WebSockets in both, and a
 * new certificate after each deploy. `npm run proof -- storm-tls [--deploys 20] [--rollbacks 20]`
 */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'
import { runStorm } from '../scenarios/storm.ts'

await using platform = await startPlatform({ flags: ['--https-port', '0'] })
const deploys = numberOption('deploys', 20)
const rollbacks = numberOption('rollbacks', 20)
const storm = await runStorm(platform, { deploys, rollbacks, isTls: true })
const { surprises, deployMs, rollbackMs, load } = storm
for (const surprise of surprises) process.stderr.write(`${surprise}\n`)
for (const failure of load.failures) process.stderr.write(`${JSON.stringify(failure)}\n`)
report('storm-tls', [
  { name: 'deploys, each with a new certificate', value: deploys, unit: '' },
  { name: 'rollbacks', value: rollbacks, unit: '' },
  { name: 'other ends than expected', value: surprises.length, unit: '', limit: 0 },
  { name: 'requests', value: load.requests, unit: '' },
  { name: 'failed requests', value: load.failed, unit: '', limit: 0 },
  ...Object.entries(load.kinds).flatMap(([kind, { requests, failed }]) => [
    { name: kind, value: requests, unit: '', least: 1 },
    { name: `${kind}, failed`, value: failed, unit: '', limit: 0 },
  ]),
  { name: 'deploy, median', value: quantile(deployMs, 0.5), unit: 'ms' },
  { name: 'rollback, median', value: quantile(rollbackMs, 0.5), unit: 'ms' },
  { name: 'GET over HTTP/2, p99', value: load.kinds.h2.p99, unit: 'ms' },
  { name: 'GET over HTTP/2, longest', value: load.kinds.h2.max, unit: 'ms' },
])
