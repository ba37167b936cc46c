/** From what git wrote to an error that says what is wrong with the repository, and what to do. */
import { AppError } from '../../model/app-error.ts'

/** How a command of git ended. */
export interface GitEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly isLate: boolean
  /** What it wrote to stderr, the newest lines. */
  readonly lines: readonly string[]
}

/** What git, curl and ssh say, in the C locale. */
const denied = anyOf(
  'could not read (Username|Password)',
  'terminal prompts disabled|Authentication failed|Permission denied',
  'HTTP (Basic|4)|error: 40[13]|access denied|Repository not found',
)
const missing = anyOf(
  'not found|does not appear to be a git repository',
  'no such repository|error: 404',
)
const unreachable = anyOf(
  'Could not resolve|unable to connect|unable to access|Failed to connect',
  'Connection (refused|timed out|reset|closed)|Network is unreachable|No route to host',
  'SSL|certificate|timed out|Operation too slow|hung up|early EOF',
  'Could not read from remote|error: 5[0-9][0-9]',
)

function anyOf(...patterns: readonly string[]): RegExp {
  return new RegExp(patterns.join('|'), 'i')
}

/** @param about.url Without credentials: `checkRepoUrl` lets none pass. */
export function explainGit(
  end: GitEnd,
  about: { readonly url: string; readonly maxBytes: number; readonly timeoutMs: number },
): AppError {
  const { url, maxBytes, timeoutMs } = about
  const text = end.lines.join('\n')
  const data = { url, exitCode: end.code, lines: end.lines }
  if (end.isLate) {
    const message = `${url} was not fetched in ${timeoutMs} ms`
    return new AppError('repo-unreachable', message, { data: { ...data, timeoutMs } })
  }
  if (/File size limit|SIGXFSZ|signal 25|File too large/i.test(text) || end.signal === 'SIGXFSZ') {
    return tooLarge(url, { limit: maxBytes, what: 'bytes' })
  }
  if (end.code === 127 || /\bgit: (command )?not found/.test(text)) {
    const hint = 'Install it, e.g. with "apt-get install git".'
    return new AppError('repo-unreachable', 'There is no git on this machine', { hint, data })
  }
  if (/No space left|ENOSPC|Disk quota/i.test(text)) {
    return new AppError('disk-full', `There is no room for ${url}`, { data })
  }
  if (denied.test(text)) {
    return new AppError('repo-denied', `${url} does not exist, or may not be read`, { data })
  }
  if (/transport '.*' not allowed/.test(text)) {
    const message = `A submodule of ${url} has a URL that is not allowed`
    return new AppError('repo-denied', message, { hint: 'Use https or ssh for it.', data })
  }
  if (missing.test(text)) {
    return new AppError('repo-unreachable', `There is no repository at ${url}`, { data })
  }
  if (unreachable.test(text)) {
    return new AppError('repo-unreachable', `${url} cannot be reached`, { data })
  }
  const reason = end.lines.findLast((line) => /^(fatal|error)/.test(line)) ?? end.lines.at(-1)
  const how = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`
  return new AppError('repo-unreachable', `git ${how}: ${reason ?? 'it said nothing'}`, { data })
}

export function tooLarge(url: string, is: { limit: number; what: string }): AppError {
  const message = `${url} has more than ${is.limit} ${is.what}`
  const hint = 'Large files do not belong into a repository; or raise the limits on the server.'
  return new AppError('upload-too-large', message, { hint, data: { url, limit: is.limit } })
}
