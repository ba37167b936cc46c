/**
 * The step that records why a deploy failed: what was tried, how the instance ended, what it
 * wrote, and where it listens instead. The routes are as they were.
 */
import { errorCatalogue } from '../../model/error-catalogue.ts'
import { messageOf } from '../../model/app-error.ts'
import type { DeployId } from '../../model/ids.ts'
import type { DeployFailure } from '../../model/release.ts'
import type { Step } from '../../plan/plan.ts'
import { reportNotReady } from '../diagnose/report-not-ready.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { endDeploy } from './end-deploy.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { timeoutsOf } from '../app/make-setup.ts'
import { notDirect } from './direct-port.ts'
import { renderExit } from './note-exit.ts'

type FailStep = Extract<Step, { type: 'fail-deploy' }>

/** @throws {AppError} `disk-full`; the planner then asks for it again. */
export async function failDeploy(runner: AppRunner, step: FailStep): Promise<void> {
  const instance = runner.instances.get(step.instance)
  if (runner.records.deploy?.id !== step.deploy || !instance) return
  const error = instance.spawnError
    ? spawnFailure(instance, instance.spawnError)
    : await notReady(runner, instance)
  await recordFailure(runner, step.deploy, error)
}

/** Ends the deploy in progress as `failed`. */
export async function recordFailure(
  runner: AppRunner,
  id: DeployId,
  error: DeployFailure,
): Promise<void> {
  const { records, parts } = runner
  const { deploy } = records
  if (deploy?.id !== id) return
  await endDeploy(runner, 'failed', { error, message: error.message })
  parts.log.warn('deploy.failed', { app: records.name, deploy: id, ...error, data: undefined })
}

function spawnFailure(instance: LiveInstance, message: string): DeployFailure {
  const { hint } = errorCatalogue['spawn-failed']
  const data = { instance: instance.id }
  return {
    code: 'spawn-failed',
    message: `${instance.name} was not started: ${message}`,
    hint,
    data,
  }
}

async function notReady(runner: AppRunner, instance: LiveInstance): Promise<DeployFailure> {
  const { records, parts } = runner
  await instance.watched
  if (isNotDirect(instance)) return notAccepting(instance)
  const number = instance.slot.release
  const release = records.release(number)
  const readyTimeoutMs = release ? timeoutsOf(release).readyTimeoutMs : 0
  const report = await reportNotReady({
    pids: await pidsOf(runner, instance),
    expectedHost: '127.0.0.1',
    expectedPort: instance.port,
    attempts: instance.failure ?? instance.attempts,
    exit: instance.exit,
    logFile: parts.layout.app(records.name).releaseLog(number, 'app'),
    source: instance.name,
    since: instance.startedAt,
  })
  const how = instance.exit
    ? `${renderExit(instance.exit)} before it was ready`
    : `was not ready in ${readyTimeoutMs / 1000} s`
  return {
    code: 'not-ready',
    message: `${instance.name} of v${number} ${how}`,
    hint: report.advice ?? `"viaduct logs --release v${number}" shows what it wrote.`,
    data: { instance: instance.id, ...report },
  }
}

function isNotDirect({ failure }: LiveInstance): boolean {
  return failure?.at(-1)?.result === notDirect
}

function notAccepting({ id, name, slot, direct }: LiveInstance): DeployFailure {
  return {
    code: 'not-ready',
    message: `${name} of v${slot.release} cannot accept on port ${direct?.port} itself`,
    hint:
      'No server of a Node.js process that the Procfile line started by itself, by npm or by ' +
      'spawn listens on PORT. See docs/operating/ports.md for what else cannot.',
    data: { instance: id, port: direct?.port },
  }
}

async function pidsOf(runner: AppRunner, instance: LiveInstance): Promise<number[]> {
  if (instance.exit !== null) return []
  try {
    return await runner.parts.keeper.call('pids', { id: instance.id })
  } catch (error) {
    runner.parts.log.debug('instance.no-pids', { instance: instance.id, error: messageOf(error) })
    return []
  }
}
