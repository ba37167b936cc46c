/**
 * Gets the code of a deploy: the upload that came with it, or a commit of the app's repository,
 * which git fetches as the app's user. Both are an archive in the end.
 */
import { createHash } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareDirectories } from '../../build/prepare-directories.ts'
import type { RunJob } from '../../build/run-step.ts'
import { AppError } from '../../model/app-error.ts'
import type { Source } from '../../model/release.ts'
import { usesSsh } from '../../model/manifest/repo-url.ts'
import type { Upload } from '../../model/upload.ts'
import { fetchRepository, findCommit } from '../../sources/git/fetch-repository.ts'
import { unpackArchive } from '../../sources/unpack-archive.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownerOf } from '../app/make-setup.ts'
import { boundGroups, sharedConfig } from '../groups/bound-groups.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { deployKey, deployKeyPath } from '../requests/deploy-key.ts'
import { mergedConfig } from '../requests/merged-config.ts'

export interface Code {
  /** Names the tree: the same code has the same. */
  readonly sha256: string
  readonly commit: string | null
  /** Makes `dir` and writes the tree into it. Of a repository only then its files are fetched. */
  readonly writeTo: (dir: string) => Promise<unknown>
  /** To be called when a release of it was made. */
  readonly built: () => Promise<void>
}

interface FetchOptions {
  readonly run: RunJob
  readonly signal: AbortSignal
}

/** @throws {AppError} `repo-unreachable`, `repo-denied`, `branch-not-found` */
export function fetchCode(
  runner: AppRunner,
  deploy: StoredDeploy,
  options: FetchOptions,
): Promise<Code> {
  const { upload } = deploy
  if (upload) return Promise.resolve(codeOfUpload(runner, { deploy, upload, ...options }))
  return codeOfRepository(runner, deploy, options)
}

function codeOfUpload(
  runner: AppRunner,
  about: FetchOptions & { deploy: StoredDeploy; upload: Upload },
): Code {
  const { deploy, upload, signal } = about
  const { lastUpload } = runner.parts.layout.app(runner.records.name)
  return {
    sha256: upload.sha256,
    commit: deploy.commit,
    writeTo: (target) => unpack(runner, { path: upload.path, target, signal }),
    async built() {
      // A redeploy builds it again, by another link to the same file: there a rename does nothing.
      await rename(upload.path, lastUpload)
      await rm(upload.path, { force: true })
    },
  }
}

function unpack(
  { records, parts }: AppRunner,
  about: { path: string; target: string; signal: AbortSignal },
): Promise<unknown> {
  const { unpackedMaxBytes: maxBytes, unpackedMaxEntries: maxEntries } = parts.settings
  const { path, target, signal } = about
  return unpackArchive(path, { target, owner: ownerOf(records.app), maxBytes, maxEntries, signal })
}

async function codeOfRepository(
  runner: AppRunner,
  deploy: StoredDeploy,
  { run, signal }: FetchOptions,
): Promise<Code> {
  const { records, parts } = runner
  const { app } = records
  const { url, branch } = deploy.source ?? {}
  if (!url) throw new AppError('no-source', `Deploy ${deploy.id} has no code`)
  const layout = parts.layout.app(app.name)
  const owner = ownerOf(app)
  await prepareDirectories(layout, owner)
  if (usesSsh(url)) await deployKey(runner)
  const { uploadMaxBytes: maxBytes, unpackedMaxBytes, unpackedMaxEntries } = parts.settings
  const places = {
    clone: layout.clone,
    archive: join(layout.tmp, 'clone.tar.gz'),
    ...{ deployKey: deployKeyPath(runner), knownHosts: join(layout.buildHome, 'known_hosts') },
  }
  const options = {
    ...{ places, home: layout.buildHome, owner, uploads: parts.layout.uploads, run, signal },
    config: { ...sharedConfig(boundGroups(runner)), ...mergedConfig(records, deploy.changes) },
    ...{ maxBytes, unpackedMaxBytes, unpackedMaxEntries },
  }
  const found = await findCommit({ url, ...(branch && { branch }) }, options)
  await runner.ask(() => noteSource(runner, deploy, { kind: 'git', ...found }))
  return {
    // A commit names its whole tree, submodules included.
    sha256: createHash('sha256').update(`git ${found.commit}`).digest('hex'),
    commit: found.commit,
    async writeTo(target) {
      const { path } = await fetchRepository(found, options)
      try {
        await unpack(runner, { path, target, signal })
      } finally {
        await rm(path, { force: true })
      }
    },
    built: async () => undefined,
  }
}

/** What is deployed is known from here on. */
async function noteSource(
  { records, journal }: AppRunner,
  { id }: StoredDeploy,
  source: Source,
): Promise<void> {
  const { deploy } = records
  if (deploy?.id !== id) return
  const { url, branch, commit } = source
  const message = `${branch} of ${url} is at ${commit?.slice(0, 12)}`
  journal.append(id, 'source.fetched', { message, data: { url, branch, commit } })
  await records.commit({ deploys: [{ ...deploy, commit, source }], events: journal.take() })
}
