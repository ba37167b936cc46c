/**
 * The step that starts an instance: port, folders, environment, keeper; then its readiness is
 * watched.
 */
import { messageOf } from '../../model/app-error.ts'
import { makeInstanceId } from '../../model/ids.ts'
import type { DataLayout } from '../../model/layout.ts'
import type { Release } from '../../model/release.ts'
import type { PlannedSlot } from '../../plan/setup.ts'
import { composeEnvironment, type Environment } from '../../build/compose-environment.ts'
import { prepareDirectories } from '../../build/prepare-directories.ts'
import type { ProcessInfo, ProcessSpec } from '../../wire/keeper-protocol.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { LiveInstance } from '../app/live-instance.ts'
import {
  directPortOf,
  ownerOf,
  processLimitsOf,
  routedTypes,
  timeoutsOf,
} from '../app/make-setup.ts'
import { environmentInput } from '../app/instance-environment.ts'
import { noteExit } from './note-exit.ts'
import { beginWatch } from './watch-ready.ts'

/** Begins it: the instance is `starting`, later `ready` or `exited`. */
export function launchInstance(runner: AppRunner, slot: PlannedSlot): void {
  const { records, instances, journal } = runner
  const release = records.release(slot.release)
  if (release === null) throw new Error(`Release v${slot.release} of ${records.name} is gone`)
  const app = records.name
  const salt = Math.floor(Math.random() * 36 ** 4)
  const id = makeInstanceId({ app, ...slot }, salt.toString(36).padStart(4, '0'))
  const routed = routedTypes(release).includes(slot.processType)
  const direct = directPortOf(runner.appIn(slot.epoch), release, slot.processType)
  const about = { id, app, slot, routed, direct, port: 0 }
  const instance = new LiveInstance({ ...about, startedAt: Date.now() })
  instances.set(id, instance)
  const { deploy } = records
  const { promise, resolve } = Promise.withResolvers<void>()
  instance.launched = promise
  runner.background('launch', async () => {
    try {
      const started = await launch(runner, instance, release)
      instance.pid = started.pid
      const { exit } = started
      if (exit) runner.post('exited', () => noteExit(runner, id, exit))
      if (deploy?.release === slot.release) {
        const message = `${instance.name} of v${slot.release} started`
        const data = { instance: id, port: instance.port, pid: started.pid }
        journal.append(deploy.id, 'instance.started', { message, data })
      }
    } catch (error) {
      failLaunch(runner, instance, error)
    } finally {
      resolve()
    }
  })
}

async function launch(
  runner: AppRunner,
  instance: LiveInstance,
  release: Release,
): Promise<ProcessInfo> {
  instance.port = await runner.parts.ports.claim()
  await prepareDirectories(runner.parts.layout.app(release.app), ownerOf(runner.records.app))
  const spec = makeSpec(runner, instance, release)
  beginWatch(runner, instance, release)
  return runner.parts.keeper.call('start', spec)
}

function failLaunch(runner: AppRunner, instance: LiveInstance, error: unknown): void {
  instance.spawnError = messageOf(error)
  const { id } = instance
  runner.parts.log.error('instance.not-started', { instance: id, error: instance.spawnError })
  const unknown = { code: null, signal: null, killed: false }
  runner.post('not-started', () =>
    noteExit(runner, id, { reason: 'spawn-failed', ...unknown, at: Date.now() }),
  )
}

function makeSpec(runner: AppRunner, instance: LiveInstance, release: Release): ProcessSpec {
  const { layout } = runner.parts
  const { id, app, slot, port, routed, direct, name } = instance
  const { uid, gid } = ownerOf(runner.records.app) ?? { uid: null, gid: null }
  const folders = layout.app(app)
  const releaseDir = folders.artifact(release.artifact)
  const about = { instance: { id, app, ...slot }, port }
  const env = composeEnvironment(environmentInput(runner.parts, release, about))
  return {
    id,
    command: release.processes[slot.processType] ?? '',
    cwd: releaseDir,
    env: direct?.mode === 'node' ? withPreload(env, layout) : env,
    uid,
    gid,
    nice: 0,
    logFile: folders.releaseLog(release.number, 'app'),
    logSource: name,
    ipc: true,
    ...(direct && { direct }),
    limits: processLimitsOf(runner.records.app, release, runner.parts.settings),
    emitOutput: false,
    stopTimeoutMs: timeoutsOf(release).stopTimeoutMs,
    labels: {
      ...{ kind: 'instance', app, ...slot, port, routed: routed ? 1 : 0 },
      ...(direct && { directPort: direct.port, directMode: direct.mode }),
    },
  }
}

/** Before the user's own: that sees the server as it is then. */
function withPreload(env: Environment, { directPreload }: DataLayout): Environment {
  const own = `--require ${JSON.stringify(directPreload)}`
  const options = env['NODE_OPTIONS']
  return { ...env, NODE_OPTIONS: options ? `${own} ${options}` : own }
}
