/**
 * One platform, one app under load, and everything that a test needs to bring a deploy to a known
 * point, to kill the daemon there, and to see that all is well.
 */
import assert from 'node:assert/strict'
import { askKeeper, findViolations } from '../../../bench/scenarios/chaos-invariants.ts'
import { parseReleaseNumber } from '../../../packages/viaduct/src/model/ids.ts'
import { isFinished } from '../../../packages/viaduct/src/model/release.ts'
import { type Load, startLoad } from '../../../tools/load/start-load.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { type GatedApp, makeGatedApp } from '../harness/gated-app.ts'
import { findProcesses } from '../harness/processes.ts'
import { openProxyRelay, type ProxyRelay } from '../harness/proxy-relay.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

/** Everything at rest: a drain, a stop to its limit, and a daemon's start on a busy machine. */
const restTimeoutMs = 30_000

export class Scene implements AsyncDisposable {
  readonly platform: Platform
  readonly app: GatedApp
  readonly relay: ProxyRelay
  readonly load: Load
  readonly #answers = new Map<number, string>()
  #version = 0

  private constructor(parts: Pick<Scene, 'platform' | 'app' | 'relay' | 'load'>) {
    this.platform = parts.platform
    this.app = parts.app
    this.relay = parts.relay
    this.load = parts.load
  }

  /** Two releases have been deployed; the load is on. */
  static async open(options: { warmReleases: number }): Promise<Scene> {
    const platform = await startPlatform()
    const app = await makeGatedApp(options)
    for (const version of ['first', 'second']) {
      await app.write('version.txt', version)
      await platform.run('deploy', app.path)
    }
    const relay = await openProxyRelay(platform)
    process.kill(await platform.daemonPid(), 'SIGKILL')
    await until(() => platform.client.apps.get('good'), { what: 'the daemon is back' })
    const load = await startLoad({
      ...{ url: platform.url('good'), rate: 60, slowMs: 200, streamMs: 300 },
    })
    const scene = new Scene({ platform, app, relay, load })
    scene.#answers.set(1, 'good first\n').set(2, 'good second\n')
    return scene
  }

  /** What the app answers now. */
  async answer(): Promise<string> {
    const { body, headers } = await fetchApp(this.platform.url('good'))
    this.#answers.set(parseReleaseNumber(String(headers['x-release'])), body)
    return body
  }

  /** What a release answered when it was asked last. */
  answerOf(release: number): string {
    return this.#answers.get(release) ?? assert.fail(`v${release} was never asked`)
  }

  /** Uploads new code. @returns what the app will answer by it. */
  async upload(): Promise<{ answer: string; accepted: Promise<string> }> {
    const version = `upload ${++this.#version}`
    await this.app.write('version.txt', version)
    const archive = new Uint8Array(await this.app.pack())
    const accepted = this.platform.client.deploys.create('good', archive).then(({ id }) => id)
    accepted.catch(() => null) // Awaited by who expects it.
    return { answer: `good ${version}\n`, accepted }
  }

  async states(): Promise<string[]> {
    const instances = await this.platform.client.apps.instances('good')
    return instances.map(({ state }) => state)
  }

  async untilState(state: string): Promise<void> {
    await until(async () => (await this.states()).includes(state), { what: `one is ${state}` })
  }

  /** `kill -9` of the daemon, and of nothing else. Then everything that was held goes on. */
  async killDaemon(): Promise<void> {
    process.kill(await this.platform.daemonPid(), 'SIGKILL')
    this.relay.release()
    await until(() => this.platform.client.apps.get('good'), { what: 'the daemon is back' })
  }

  async endOf(deploy: string): Promise<string> {
    return await until(async () => {
      const { state } = await this.platform.client.deploys.get('good', deploy)
      return isFinished(state) ? state : null
    })
  }

  /** Nothing is left of the death, every deploy has ended, no request was lost. */
  async assertAtRest(): Promise<void> {
    let violations: string[] = []
    const atRest = async (): Promise<boolean> => {
      violations = await findViolations(this.platform)
      const ready = (await this.states()).filter((state) => state === 'ready')
      if (ready.length !== 2) violations.push(`${ready.length} instances serve, not 2`)
      return violations.length === 0
    }
    await until(atRest, { timeoutMs: restTimeoutMs }).catch((error: unknown) => {
      const why = violations.join('; ') || String((error as Error).cause)
      assert.fail(`It does not come to rest: ${why}`)
    })
    assert.equal(this.load.totals()?.failed, 0, 'No request was lost')
  }

  /** A keeper that saw the daemon die often lets the next one wait: a new keeper does not. */
  async renewKeeper(): Promise<void> {
    const { platform } = this
    const pid = platform.keeperPid()
    process.kill(pid, 'SIGUSR2')
    await until(async () => !(await findProcesses(platform.dataDir)).some((one) => one.pid === pid))
    await platform.startKeeper()
    await until(() => askKeeper(platform), { what: 'the new keeper has adopted everything' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.release()
    await this.load[Symbol.asyncDispose]()
    await this.relay[Symbol.asyncDispose]()
    await this.platform[Symbol.asyncDispose]()
    await this.app[Symbol.asyncDispose]()
  }
}
