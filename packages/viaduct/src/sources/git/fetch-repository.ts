/**
 * Fetches one commit of a git repository into a file that is then treated as an upload is.
 *
 * The system's git does it, as the app's user, in a clone that is kept: a redeploy fetches what is
 * new. What comes out is an archive, because nothing else of what an app's user could write is
 * ever read by the platform: it is copied by its open file, and unpacked by `unpack-archive.ts`.
 * How a command is run is the caller's.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '../../model/app-error.ts'
import { gitLinesKept, repoFetchTimeoutMs, repoListTimeoutMs } from '../../model/limits.ts'
import type { Repo } from '../../model/manifest.ts'
import { parseBranch, parseRepoUrl } from '../../model/manifest/repo-url.ts'
import type { Upload } from '../../model/upload.ts'
import { receiveUpload } from '../receive-upload.ts'
import { explainGit, type GitEnd, tooLarge } from './explain-git.ts'
import * as commands from './git-commands.ts'
import { type GitPlaces, gitEnvironment } from './git-environment.ts'

/** Runs a constant shell line as the app's user, to its end; see `RunJob` of the builds. */
export type RunCommand = (job: {
  readonly command: string
  /** For the log, as a person would type it. */
  readonly shown: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void
  readonly signal: AbortSignal
  readonly timeoutMs: number
}) => Promise<{ code: number | null; signal: string | null }>

export interface FetchOptions {
  readonly places: GitPlaces
  /** HOME of git, and where it starts. */
  readonly home: string
  /** Whose the clone is; null when the platform is not root. */
  readonly owner: { readonly uid: number } | null
  /** Its proxy variables are git's too. */
  readonly config: Readonly<Record<string, string>>
  /** Folder for the archive, as of uploads. */
  readonly uploads: string
  /** Of the pack and of the archive. */
  readonly maxBytes: number
  readonly unpackedMaxBytes: number
  readonly unpackedMaxEntries: number
  readonly run: RunCommand
  readonly signal: AbortSignal
  /** For each fetch. @default repoFetchTimeoutMs */
  readonly timeoutMs?: number
}

/** What a branch of a repository is now. */
export interface FoundCommit {
  readonly url: string
  readonly branch: string
  /** 40 or 64 hexadecimal digits. */
  readonly commit: string
}

/**
 * Asks the repository what the branch, or its own default one, is at.
 *
 * @throws {AppError} `repo-unreachable`, `repo-denied`; `branch-not-found` with those there are.
 * @throws What `options.signal` aborted with.
 */
export async function findCommit(repo: Repo, options: FetchOptions): Promise<FoundCommit> {
  const url = parseRepoUrl(repo.url)
  const ref = repo.branch === undefined ? 'HEAD' : `refs/heads/${parseBranch(repo.branch)}`
  const shown = `git ls-remote ${url} ${ref}`
  const of = { url, ref, commit: '', shown, timeoutMs: repoListTimeoutMs }
  const lines = await runGit(commands.listRef, of, options)
  const refs = new Map(lines.map((line) => line.split('\t').toReversed() as [string, string]))
  const head = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(lines.join('\n'))?.[1]
  const branch = repo.branch ?? head ?? 'HEAD'
  const commit = refs.get(ref)
  if (commit !== undefined && isCommit(commit)) return { url, branch, commit }
  throw await branchNotFound({ url, branch }, options)
}

/**
 * Fetches the commit that was found, and packs its tree.
 *
 * @returns The archive as if it had been uploaded.
 * @throws {AppError} `repo-unreachable`, `repo-denied`, `upload-too-large`, `disk-full`
 * @throws What `options.signal` aborted with.
 */
export async function fetchRepository(
  { url, branch, commit }: FoundCommit,
  options: FetchOptions,
): Promise<Upload> {
  const timeoutMs = options.timeoutMs ?? repoFetchTimeoutMs
  const ref = branch === 'HEAD' ? 'HEAD' : `refs/heads/${branch}`
  const of = { url, ref, commit, timeoutMs, shown: `git fetch ${url} ${branch}` }
  await fetchCommit(of, options)
  await checkSize(of, options)
  await runGit(commands.archiveTree, { ...of, shown: `git checkout ${commit}` }, options)
  const { uploads: dir, maxBytes, signal } = options
  await using file = await openOwn(options)
  return await receiveUpload(file.createReadStream({ autoClose: false }), { dir, maxBytes, signal })
}

/** A clone that a killed fetch left half done is made anew, once. */
async function fetchCommit(of: Command, options: FetchOptions): Promise<void> {
  try {
    await runGit(commands.fetchRef, of, options)
  } catch (error) {
    const isBroken =
      error instanceof AppError && /\.lock|corrupt|bad object|shallow/i.test(said(error))
    if (!isBroken) throw error
    await runGit(commands.removeClone, { ...of, shown: 'rm -r clone' }, options)
    await runGit(commands.fetchRef, of, options)
  }
}

function said({ data }: AppError): string {
  return JSON.stringify(data['lines'] ?? '')
}

async function checkSize(of: Command, options: FetchOptions): Promise<void> {
  const shown = `git ls-tree -r ${of.commit}`
  const lines = await runGit(commands.measureTree, { ...of, shown }, options)
  const [, entries, bytes] = /^tree (\d+) (\d+)$/.exec(lines.at(-1) ?? '') ?? []
  const { unpackedMaxEntries, unpackedMaxBytes } = options
  if (Number(entries ?? 0) > unpackedMaxEntries) {
    throw tooLarge(of.url, { limit: unpackedMaxEntries, what: 'files and folders' })
  }
  if (Number(bytes ?? 0) > unpackedMaxBytes) {
    throw tooLarge(of.url, { limit: unpackedMaxBytes, what: 'bytes, unpacked' })
  }
}

async function branchNotFound(
  { url, branch }: { url: string; branch: string },
  options: FetchOptions,
): Promise<AppError> {
  const shown = `git ls-remote --heads ${url}`
  const of = { url, ref: 'HEAD', commit: '', shown, timeoutMs: repoListTimeoutMs }
  const lines = await runGit(commands.listBranches, of, options)
  const branches = lines.flatMap((line) => /\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? [])
  if (branches.length === 0) {
    const hint = 'Push a branch first.'
    return new AppError('branch-not-found', `${url} is empty`, { hint, data: { url } })
  }
  const named = branches.slice(0, branchesShown)
  const more = branches.length > named.length ? ' …' : ''
  return new AppError('branch-not-found', `${url} has no branch ${JSON.stringify(branch)}`, {
    hint: `There are: ${named.join(', ')}${more}.`,
    data: { field: 'repo.branch', url, branch, branches: named },
  })
}

const branchesShown = 20

interface Command {
  readonly url: string
  readonly ref: string
  readonly commit: string
  readonly shown: string
  readonly timeoutMs: number
}

/** @returns What it wrote to stdout. */
async function runGit(
  command: string,
  { timeoutMs, shown, ...of }: Command,
  options: FetchOptions,
): Promise<string[]> {
  const { places, home, signal, maxBytes, unpackedMaxEntries: maxEntries } = options
  const out: string[] = []
  const lines: string[] = []
  const startedAt = performance.now()
  const end = await options.run({
    ...{ command, shown },
    cwd: home,
    env: {
      ...gitEnvironment(places, { home, config: options.config }),
      ...commands.commandVariables({ ...of, places, maxBytes, maxEntries }),
    },
    onLine: (stream, line) => keep(stream === 'stdout' ? out : lines, line),
    signal,
    timeoutMs,
  })
  signal.throwIfAborted()
  if (end.code === 0) return out
  const isLate = performance.now() - startedAt >= timeoutMs
  const facts: GitEnd = { ...end, isLate, lines }
  throw explainGit(facts, { url: of.url, maxBytes, timeoutMs })
}

/** The newest lines are what matters; there may be any number of them. */
function keep(lines: string[], line: string): void {
  lines.push(line)
  if (lines.length > 2 * gitLinesKept) lines.splice(0, gitLinesKept)
}

function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

/**
 * The archive, opened so that the app's user cannot have put a link to somebody else's file there.
 */
async function openOwn({ places, owner }: FetchOptions): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(places.archive, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  const facts = await file.stat()
  if (facts.isFile() && (owner === null || facts.uid === owner.uid)) return file
  await file.close()
  throw new AppError('bad-upload', 'What git wrote was replaced by something else')
}
