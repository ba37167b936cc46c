/** The environment of an instance, from what its release keeps and what the platform knows. */
import type { EnvironmentInput } from '../../build/compose-environment.ts'
import { defaultsOf } from '../../model/manifest.ts'
import { noRuntime, type Release } from '../../model/release.ts'
import type { EngineParts } from './engine-parts.ts'

/** @param about The instance, and the port it is told to listen on. */
export function environmentInput(
  { layout, nodeDir, nodeId }: Pick<EngineParts, 'layout' | 'nodeDir' | 'nodeId'>,
  release: Release,
  { instance, port }: Pick<EnvironmentInput, 'instance' | 'port'>,
): EnvironmentInput {
  const folders = layout.app(release.app)
  const { runtime = noRuntime, dotenv = [], groups = [], source } = release
  return {
    ...{ nodeDir, nodeId, runtime, instance, port },
    toolsDir: layout.tools,
    releaseDir: folders.artifact(release.artifact),
    dataDir: folders.data,
    tmpDir: folders.tmp,
    manifestEnv: defaultsOf(release.manifest.env),
    ...{ dotenv, groups, config: release.config },
    host: '127.0.0.1',
    commit: release.commit,
    previousCommit: release.previousCommit ?? null,
    repo: source?.url ?? null,
    branch: source?.branch ?? null,
  }
}
