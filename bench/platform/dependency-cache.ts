/**
 * What do ten releases of an app with 300 MB of dependencies take, in disk and in time, when the
 * lock file does not change? `npm run proof -- dependency-cache [--releases 10]`
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuOf } from '../../test/e2e/harness/processes.ts'
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { bootAlone } from './dependency-cache/boot-alone.ts'
import { makeLargeApp, startLargeRegistry } from './dependency-cache/large-app.ts'
import { type Figure, numberOption, quantile, report } from '../scenarios/report.ts'

const releases = numberOption('releases', 10)
await using registry = await startLargeRegistry()
await using platform = await startPlatform({
  env: { npm_config_registry: registry.url, VIADUCT_RELEASES_KEPT: `${releases}` },
})

/** Megabytes of everything below a folder; a file with several links counts once. */
async function diskOf(path: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-sm', path])
  return Number(stdout.split('\t')[0])
}

interface Measured {
  readonly firstMs: number
  /** Of the others, median. */
  readonly deployMs: number
  readonly bootMs: number
  /** CPU time of the daemon for each of the others. */
  readonly cpuMs: number
  readonly oneMb: number
  readonly allMb: number
}

async function measure(name: string, { builds }: { builds: boolean }): Promise<Measured> {
  await using app = await makeLargeApp(registry, { builds })
  const took: number[] = []
  const boots: number[] = []
  let oneMb = 0
  let cpuAtFirst = 0
  for (let i = 1; i <= releases; i++) {
    await app.write('version.txt', `${i}`)
    const archive = new Uint8Array(await app.pack())
    const begun = performance.now()
    const { state } = await platform.client.deploys.create(name, archive, { wait: 'ready' })
    if (state !== 'succeeded') throw new Error(`Deploy ${i} of ${name}: ${state}`)
    took.push(performance.now() - begun)
    if (i === 1) {
      oneMb = await diskOf(`${platform.dataDir}/apps/${name}`)
      cpuAtFirst = await cpuOf([await platform.daemonPid()])
    }
    boots.push(await bootAlone(app.path, ['node', 'server.js']))
  }
  const [firstMs = 0, ...others] = took
  const allMb = await diskOf(`${platform.dataDir}/apps/${name}`)
  const cpuMs = ((await cpuOf([await platform.daemonPid()])) - cpuAtFirst) / others.length
  const [deployMs, bootMs] = [quantile(others, 0.5), quantile(boots, 0.5)]
  return { firstMs, deployMs, bootMs, cpuMs, oneMb, allMb }
}

const plain = await measure('large', { builds: false })
const built = await measure('large-built', { builds: true })
report('dependency-cache', [
  { name: 'releases', value: releases, unit: '' },
  { name: 'disk of one release and its cache', value: plain.oneMb, unit: 'MB' },
  ...figuresOf('', plain),
  ...figuresOf('with a build script: ', built),
])

function figuresOf(prefix: string, { allMb, oneMb, ...measured }: Measured): Figure[] {
  const { firstMs, deployMs, bootMs, cpuMs } = measured
  const beyondMs = deployMs - bootMs
  return [
    { name: `${prefix}disk of all, against one`, value: allMb / oneMb, unit: '×', limit: 1.2 },
    { name: `${prefix}first deploy`, value: firstMs, unit: 'ms' },
    { name: `${prefix}redeploy beyond boot, median`, value: beyondMs, unit: 'ms', limit: 1_000 },
    { name: `${prefix}CPU of the daemon for a redeploy`, value: cpuMs, unit: 'ms' },
  ]
}
