/**
 * Deploys code: what was uploaded, or what the app's repository has now. The build makes the
 * release.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import type { Repo } from '../../model/manifest.ts'
import type { RequestMark } from '../../model/release.ts'
import type { Upload } from '../../model/upload.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { queueBuild } from '../builds/build-release.ts'
import type { AppChange, StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy } from './begin-deploy.ts'

interface CodeOptions {
  readonly request?: RequestMark | undefined
  readonly after?: AppChange
}

/** A stopped app runs again once the deploy has succeeded: who deploys wants to see it. */
export async function deployUpload(
  runner: AppRunner,
  upload: Upload,
  { commit, request, after }: CodeOptions & { commit: string | null },
): Promise<StoredDeploy> {
  const deploy = await beginDeploy(runner, {
    kind: 'deploy',
    message: `Deploy ${runner.records.name}${commit ? ` at ${commit.slice(0, 12)}` : ''}`,
    release: null,
    after: { wanted: 'running', ...after },
    upload,
    source: { kind: 'upload', url: null, branch: null, commit },
    request,
  })
  const { bytes, sha256 } = upload
  const message = `Received ${bytes} bytes`
  runner.journal.append(deploy.id, 'upload.received', { message, data: { bytes, sha256 } })
  queueBuild(runner, deploy)
  return deploy
}

/** What the branch is at when the build begins; see `builds/fetch-code.ts`. */
async function deployRepo(
  runner: AppRunner,
  { url, branch = null }: { url: string; branch?: string | null },
  { request, after }: CodeOptions,
): Promise<StoredDeploy> {
  const deploy = await beginDeploy(runner, {
    kind: 'deploy',
    message: `Deploy ${branch ?? 'the default branch'} of ${url}`,
    release: null,
    after: { wanted: 'running', ...after },
    source: { kind: 'git', url, branch, commit: null },
    request,
  })
  queueBuild(runner, deploy)
  return deploy
}

/**
 * Deploys the app's code once more: what its repository has now, or what was uploaded last.
 *
 * @throws {AppError} `no-source` when it has neither.
 */
export async function redeploy(
  runner: AppRunner,
  options: CodeOptions = {},
): Promise<StoredDeploy> {
  const repo = repoOf(runner)
  if (repo) return deployRepo(runner, repo, options)
  const upload = await takeLastUpload(runner)
  if (upload) return deployUpload(runner, upload, { ...options, commit: lastCommit(runner) })
  throw new AppError('no-source', `${runner.records.name} has no code that could be deployed`)
}

/** Where the app's code is fetched from, if it is. */
export function repoOf({ records }: AppRunner): Repo | null {
  return records.app.manifest?.repo ?? null
}

function lastCommit({ records }: AppRunner): string | null {
  const built = records.releases().findLast(({ source }) => source?.kind === 'upload')
  return built?.commit ?? null
}

/** The same file under another name: this deploy may end in any way, the next finds it again. */
async function takeLastUpload({ records, parts }: AppRunner): Promise<Upload | null> {
  const from = parts.layout.app(records.name).lastUpload
  const path = join(parts.layout.uploads, `${randomUUID()}.tar.gz`)
  try {
    await mkdir(parts.layout.uploads, { recursive: true, mode: 0o700 })
    await link(from, path)
    return { path, bytes: (await stat(path)).size, sha256: await hashOf(path) }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
