/** From code to a release: waits for its turn, builds, and hands the result to the app. */
import { AppError, messageOf } from '../../model/app-error.ts'
import { errorCatalogue } from '../../model/error-catalogue.ts'
import { nextRelease } from '../../model/ids.ts'
import { buildEventLinesMax } from '../../model/limits.ts'
import { defaultsOf } from '../../model/manifest.ts'
import type { DeployFailure, Release } from '../../model/release.ts'
import { type BuiltArtifact, buildArtifact } from '../../build/build-artifact.ts'
import { publicPortOf } from '../../build/detect/public-port.ts'
import type { BuildOutput, RunJob } from '../../build/run-step.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { claimedBy } from '../app/claims.ts'
import { boundGroups, sharedConfig } from '../groups/bound-groups.ts'
import { recordFailure } from '../steps/fail-deploy.ts'
import { notePublicPort } from '../ports/note-public-port.ts'
import { ownerOf } from '../app/make-setup.ts'
import type { ConfigChanges, StoredDeploy } from '../records/stored-deploy.ts'
import { mergedConfig } from '../requests/merged-config.ts'
import { type Code, fetchCode } from './fetch-code.ts'
import { runTasks } from './run-tasks.ts'

/** Queues the build of a deploy that has a source. */
export function queueBuild(runner: AppRunner, deploy: StoredDeploy): void {
  const { builds } = runner.parts
  builds.add(deploy.id, async (signal) => {
    try {
      await runner.ask(() => noteBegin(runner, deploy))
      const run = runnerOfJobs(runner, deploy)
      const { built, code } = await build(runner, deploy, { run, signal })
      const draft = await runner.ask(async () => draftRelease(runner, deploy, built))
      const onOutput = noteOutput(runner, deploy)
      await runTasks(runner, draft.release, { deploy: deploy.id, runJob: run, onOutput, signal })
      await runner.ask(() => createRelease(runner, deploy, draft))
      await code.built()
    } catch (error) {
      // Cancelled and superseded deploys are closed by who did it; a stop of the daemon by nobody.
      if (signal.aborted) return
      await runner
        .ask(() => recordFailure(runner, deploy.id, renderFailure(error)))
        .catch((cause: unknown) => {
          const about = { app: runner.records.name, deploy: deploy.id, error: messageOf(cause) }
          runner.parts.log.error('build.not-recorded', about)
        })
    }
  })
}

async function noteBegin(runner: AppRunner, { id }: StoredDeploy): Promise<void> {
  const { records, journal } = runner
  const { deploy } = records
  if (deploy?.id !== id) return
  journal.append(id, 'build.started', { message: 'The build has started' })
  const building: StoredDeploy = { ...deploy, state: 'building' }
  await records.commit({ deploys: [building], events: journal.take() })
}

/** Output goes to the install log of the release that is to be. */
function runnerOfJobs({ parts, records: { app } }: AppRunner, { id }: StoredDeploy): RunJob {
  const release = nextRelease(app.lastRelease)
  const logFile = parts.layout.app(app.name).releaseLog(release, 'install')
  return parts.jobs.forBuild({ name: id, app: app.name, owner: ownerOf(app), logFile })
}

async function build(
  runner: AppRunner,
  deploy: StoredDeploy,
  { run, signal }: { run: RunJob; signal: AbortSignal },
): Promise<{ built: BuiltArtifact; code: Code }> {
  const { parts, records, journal } = runner
  const { app } = records
  const layout = parts.layout.app(app.name)
  const owner = ownerOf(app)
  const startedAt = Date.now()
  const code = await fetchCode(runner, deploy, { run, signal })
  const built = await buildArtifact({
    layout,
    source: code,
    told: app.manifest ?? {},
    commit: code.commit,
    owner,
    node: `${parts.nodeDir}/node`,
    toolbox: parts.toolbox,
    env: { ...sharedConfig(boundGroups(runner)), ...mergedConfig(records, deploy.changes) },
    runJob: run,
    onOutput: noteOutput(runner, deploy),
    signal,
  })
  const tookMs = Date.now() - startedAt
  const message = `The build is done: ${renderDependencies[built.dependencies]}`
  const data = { tookMs, artifact: built.artifact, dependencies: built.dependencies }
  journal.append(deploy.id, 'build.finished', { message, data })
  return { built, code }
}

const renderDependencies = {
  none: 'there is nothing to install',
  uploaded: 'dependencies came with the upload',
  cached: 'dependencies came from the cache',
  installed: 'dependencies were installed',
  reused: 'the same code was built before',
} as const

/** Notes steps and lines, up to a number of lines: the install log has all of them. */
function noteOutput({ journal }: AppRunner, { id }: StoredDeploy): (output: BuildOutput) => void {
  let lines = 0
  return (output) => {
    const isLine = output.type === 'line'
    if (isLine && ++lines > buildEventLinesMax) {
      if (lines > buildEventLinesMax + 1) return
      const where = '"viaduct logs --stream install" has them'
      const message = `… more than ${buildEventLinesMax} lines: ${where}`
      return journal.append(id, 'build.output', { message, data: { ...output, line: message } })
    }
    journal.append(id, 'build.output', renderOutput(output))
  }
}

function renderOutput(output: BuildOutput): { message: string; data: Record<string, unknown> } {
  if (output.type === 'step') return { message: `Run ${output.command}`, data: { ...output } }
  return { message: output.line, data: { ...output } }
}

/** The app's next release, as it will be recorded when its tasks have run. */
interface Draft {
  readonly release: Release
  /** The changes of config that it has in it, staged ones too. */
  readonly changes: ConfigChanges
}

function draftRelease(runner: AppRunner, { id }: StoredDeploy, built: BuiltArtifact): Draft {
  const { records } = runner
  const { deploy, app } = records
  const changes = { ...app.stagedConfig, ...(deploy?.id === id && deploy.changes) }
  const { artifact, processes, manifest, dotenv, runtime, commit } = built
  const previous = records.release(app.current)
  const source = deploy?.source
  const groups = boundGroups(runner)
  const config = { ...built.secrets, ...mergedConfig(records, changes) }
  const manifestEnv = defaultsOf(manifest.env)
  const release: Release = {
    schema: 1,
    app: app.name,
    number: nextRelease(app.lastRelease),
    ...{ artifact, processes, manifest, dotenv, runtime, commit },
    previousCommit: previous?.commit ?? null,
    ...(source && { source }),
    ...{ groups, config, publicPort: publicPortOf({ manifestEnv, dotenv, groups, config }) },
    description: 'Deploy',
    createdAt: Date.now(),
  }
  return { release, changes }
}

/** The app gets its next release; the planner takes over from here. */
async function createRelease(
  runner: AppRunner,
  { id }: StoredDeploy,
  { release, changes }: Draft,
): Promise<void> {
  const { records, journal } = runner
  const { deploy, app } = records
  if (deploy?.id !== id) return
  const { number } = release
  const event = { message: `Release v${number}`, data: { release: number } }
  await runner.parts.claims.whileFree(app.name, claimedBy(app, release), () => {
    journal.append(id, 'release.created', event)
    notePublicPort(runner, id, release)
    return records.commit({
      release,
      app: { ...app, lastRelease: number },
      deploys: [{ ...deploy, release: number, state: 'starting', upload: null, changes }],
      events: journal.take(),
    })
  })
}

function renderFailure(error: unknown): DeployFailure {
  if (error instanceof AppError) {
    const { code, message, hint, data } = error
    return { code, message, hint, data }
  }
  const { hint } = errorCatalogue.internal
  return { code: 'internal', message: messageOf(error), hint, data: {} }
}
