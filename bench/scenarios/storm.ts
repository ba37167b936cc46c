/**
 * Deploys and rollbacks one after the other, of releases that behave and of others that do not,
 * under mixed load, plain or over TLS. The promise: not one request is lost.
 */
import type { LoadSummary } from '../../tools/load/messages.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { until } from '../../test/e2e/harness/until.ts'
import { deployFixture, endOf } from './deploy-fixture.ts'
import { changeCertificate, overTls } from './tls-load.ts'

export interface StormResult {
  /** What happened that should not: a good release that failed, a bad one that succeeded. */
  readonly surprises: readonly string[]
  readonly deployMs: readonly number[]
  readonly rollbackMs: readonly number[]
  readonly load: LoadSummary
}

/** Fixture and whether its deploy must succeed. */
const releases: readonly (readonly [fixture: string, good: boolean])[] = [
  ['good', true],
  ['crash-on-boot', false],
  ['drains-slowly', true],
  ['never-ready', false],
  ['ignores-sigterm', true],
  ['exits-at-once', true],
]

const app = 'storm'

export interface StormOptions {
  readonly deploys: number
  readonly rollbacks: number
  /** Requests per second, default 300. */
  readonly rate?: number
  /** Over TLS, by HTTP/1.1 and HTTP/2, with another certificate after each deploy. */
  readonly isTls?: boolean
}

export async function runStorm(platform: Platform, options: StormOptions): Promise<StormResult> {
  const surprises: string[] = []
  const deployMs: number[] = []
  const rollbackMs: number[] = []
  for (const version of ['first', 'second']) {
    const { end } = await deployFixture(platform, { app, fixture: 'good', version })
    if (end !== 'succeeded') surprises.push(`The ${version} deploy: ${end}`)
  }
  const where = options.isTls === true ? await overTls(platform, app) : { url: platform.url(app) }
  await using load = await startLoad({ ...where, rate: options.rate ?? 300 })
  await until(() => (load.totals()?.requests ?? 0) > 100)

  for (let i = 0; i < Math.max(options.deploys, options.rollbacks); i++) {
    const [fixture = 'good', good = true] = releases[i % releases.length] ?? []
    if (i < options.deploys) {
      const { end, tookMs } = await deployFixture(platform, { app, fixture, version: `${i}` })
      if ((end === 'succeeded') !== good) surprises.push(`Deploy ${i} of ${fixture}: ${end}`)
      if (good) deployMs.push(tookMs)
      if (options.isTls === true) await changeCertificate(platform, app)
    }
    if (i < options.rollbacks) {
      const begun = performance.now()
      const end = await endOf(() => platform.client.deploys.rollback(app, { wait: 'ready' }))
      if (end !== 'succeeded') surprises.push(`Rollback ${i}: ${end}`)
      rollbackMs.push(performance.now() - begun)
    }
  }
  return { surprises, deployMs, rollbackMs, load: await load.stop() }
}
