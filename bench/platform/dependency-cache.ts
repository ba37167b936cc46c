/**
 * What do ten releases of an app with 300 MB of dependencies take, in disk and in time, when the
 * lock file does not change? `npm run proof -- dependency-cache [--releases 10]`
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { bootAlone } from './dependency-cache/boot-alone.ts'
import { makeLargeApp, startLargeRegistry } from './dependency-cache/large-app.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'

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

/** Milliseconds since its start. */
async function cpuOfDaemon(): Promise<number> {
  const text = await readFile(`/proc/${await platform.daemonPid()}/stat`, 'utf8')
  // After the name, which may have spaces: field 3; 14 and 15 are user and system, in 10 ms.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
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
      cpuAtFirst = await cpuOfDaemon()
    }
    boots.push(await bootAlone(app.path, ['node', 'server.js']))
  }
  const [firstMs = 0, ...others] = took
  const allMb = await diskOf(`${platform.dataDir}/apps/${name}`)
  const cpuMs = ((await cpuOfDaemon()) - cpuAtFirst) / others.length
  const [deployMs, bootMs] = [quantile(others, 0.5), quantile(boots, 0.5)]
  return { firstMs, deployMs, bootMs, cpuMs, oneMb, allMb }
}

const plain = await measure('large', { builds: false })
const built = await measure('large-built', { builds: true })
report('dependency-cache', [
  { name: 'releases', value: releases, unit: '' },
  { name: 'disk of one release and its cache', value: plain.oneMb, unit: 'MB' },
  {
    name: 'disk of all releases, against one',
    value: plain.allMb / plain.oneMb,
    unit: '×',
    limit: 1.2,
  },
  { name: 'first deploy, npm ci', value: plain.firstMs, unit: 'ms' },
  {
    name: 'redeploy beyond boot, median',
    value: plain.deployMs - plain.bootMs,
    unit: 'ms',
    limit: 1_000,
  },
  { name: 'CPU of the daemon for a redeploy', value: plain.cpuMs, unit: 'ms' },
  {
    name: 'with a build script: disk of all releases, against one',
    value: built.allMb / built.oneMb,
    unit: '×',
    limit: 1.2,
  },
  { name: 'with a build script: first deploy', value: built.firstMs, unit: 'ms' },
  {
    name: 'with a build script: redeploy beyond boot, median',
    value: built.deployMs - built.bootMs,
    unit: 'ms',
  },
  { name: 'with a build script: CPU of the daemon', value: built.cpuMs, unit: 'ms' },
])
