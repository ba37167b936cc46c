/**
 * Where code is fetched from: addresses that are safe to give to git after `--`, and names of
 * branches. What git takes beyond that (`ext::`, `file:`, a path, an option) is never taken.
 */
import { AppError } from '../app-error.ts'
import { repoUrlMaxChars } from '../limits.ts'

const host = String.raw`(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?`
const user = String.raw`(?:[\w.~%+][\w.~%+:-]*@)?`
const url = new RegExp(String.raw`^(?:https|http|ssh|git)://${user}${host}/[\x21-\x7e]+$`)
/** `user@host:path`; the user is what tells it from a scheme. */
const scpForm = /^[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?![:-])[\x21-\x7e]+$/

/**
 * @returns As it came.
 * @throws {AppError} `bad-repo`
 */
export function parseRepoUrl(text: string): string {
  const isShort = text.length <= repoUrlMaxChars
  if (isShort && (url.test(text) || scpForm.test(text))) return text
  throw new AppError(
    'bad-repo',
    `${JSON.stringify(withoutPassword(text).slice(0, 120))} is not the address of a repository`,
    {
      hint: 'Write it as "https://example.org/shop.git" or "git@example.org:shop.git".',
      data: { field: 'url' },
    },
  )
}

/** For logs and messages: an address may carry a token. */
export function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/@:]*):[^/@]*@/, '$1:…@')
}

const branchCharacters = /^[^\p{Cc}\p{Cs} ~^:?*[\\]{1,200}$/u
const noBranch = /^[-/.]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)|^(?:@|HEAD)$/

/**
 * @returns As it came; what `git check-ref-format --branch` takes, but for its shorthands.
 * @throws {AppError} `bad-repo`
 */
export function parseBranch(text: string): string {
  if (branchCharacters.test(text) && !noBranch.test(text)) return text
  const message = `${JSON.stringify(text.slice(0, 80))} is not the name of a branch`
  throw new AppError('bad-repo', message, {
    hint: 'Write it as "main", without "refs/heads/" and "origin/".',
    data: { field: 'branch' },
  })
}

/** True when git uses ssh for it, and so the app's deploy key. */
export function usesSsh(text: string): boolean {
  return text.startsWith('ssh://') || !text.includes('://')
}

/** True when whoever sees the address can use what is in it to log in. */
export function hasPassword(text: string): boolean {
  const { username = '', password = '', protocol = '' } = URL.parse(text) ?? {}
  return password !== '' || (/^https?:$/.test(protocol) && username !== '')
}
