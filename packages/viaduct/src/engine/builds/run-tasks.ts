/**
 * Runs the tasks of a deploy, `preflight:` and `release:` of the Procfile: in the environment of
 * the release that is to be, before any of its instances starts. When one fails, so does the
 * deploy, and what serves was never touched.
 *
 * Each runs at most once per deploy. A daemon that ends in the middle of one cannot know how far it
 * came; the deploy then fails, and whoever deploys again decides that it may run again.
 */
import { composeEnvironment } from '../../build/compose-environment.ts'
import { type BuildOutput, type RunJob, runStep } from '../../build/run-step.ts'
import { AppError } from '../../model/app-error.ts'
import { makeInstanceId, parseProcessType, type DeployId } from '../../model/ids.ts'
import { taskTimeoutMs } from '../../model/limits.ts'
import { type DeployTask, deployTasks, type Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { environmentInput } from '../app/instance-environment.ts'

export interface TaskOptions {
  readonly deploy: DeployId
  readonly runJob: RunJob
  readonly onOutput: (output: BuildOutput) => void
  readonly signal: AbortSignal
}

/**
 * @throws {AppError} `build-failed` with `data.step` `preflight` or `release`; see `runStep`.
 * @throws What `options.signal` aborted with.
 */
export async function runTasks(
  runner: AppRunner,
  release: Release,
  options: TaskOptions,
): Promise<void> {
  for (const task of deployTasks) {
    const line = release.processes[parseProcessType(task)]
    if (line === undefined) continue
    const before = await runner.ask(() => noteTask(runner, options.deploy, { task, is: 'begun' }))
    if (before === 'done') continue
    if (before === 'begun') throw interrupted(task, line)
    await runTask(runner, release, { ...options, task, line })
    await runner.ask(() => noteTask(runner, options.deploy, { task, is: 'done' }))
  }
}

async function runTask(
  { parts }: AppRunner,
  release: Release,
  { task, line, runJob, onOutput, signal }: TaskOptions & { task: DeployTask; line: string },
): Promise<void> {
  const { app, number } = release
  const slot = { app, release: number, processType: parseProcessType(task), ordinal: 1 }
  const instance = { id: makeInstanceId(slot, 'once'), ...slot }
  await runStep({
    step: task,
    shown: line,
    command: line,
    cwd: parts.layout.app(app).artifact(release.artifact),
    env: composeEnvironment(environmentInput(parts, release, { instance, port: 0 })),
    timeoutMs: taskTimeoutMs,
    ...{ signal, runJob, onOutput },
  })
}

/** @returns What was noted of it before; it is not noted again to have begun. */
async function noteTask(
  { records }: AppRunner,
  id: DeployId,
  { task, is }: { task: DeployTask; is: 'begun' | 'done' },
): Promise<'begun' | 'done' | null> {
  const { deploy } = records
  if (deploy?.id !== id) return null
  const before = deploy.tasks?.[task] ?? null
  if (before !== is && before !== 'done') {
    await records.commit({ deploys: [{ ...deploy, tasks: { ...deploy.tasks, [task]: is } }] })
  }
  return before
}

function interrupted(task: DeployTask, line: string): AppError {
  const message = `"${line}" (${task}) was running when the platform was stopped`
  return new AppError('build-failed', message, {
    hint: 'Whether it did its work is not known. Deploy again when it may run again.',
    data: { step: task, command: line, lines: [] },
  })
}
