import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../app-error.ts'
import { parseBranch, parseRepoUrl, withoutPassword } from './repo-url.ts'

test('addresses that git fetches over a network are taken as they are', () => {
  const taken = [
    'git://github.com/rubynas/rubynas.git',
    'https://example.org/shop.git',
    'https://user:token@example.org:8443/a/b%20c.git',
    'http://127.0.0.1:3000/shop',
    'ssh://git@example.org:2222/~/shop.git',
    'ssh://git@[::1]/shop.git',
    'git@example.org:team/shop.git',
  ]
  for (const url of taken) assert.equal(parseRepoUrl(url), url)
})

test('what git would run, read from disk or take for an option is refused', () => {
  const refused = [
    '',
    '-x',
    '--upload-pack=id',
    'ext::sh -c id',
    'fd::17',
    'file:///etc',
    'file:/etc',
    '/srv/shop.git',
    './shop',
    'shop',
    'example.org:shop.git',
    'https://example.org',
    'https:///shop.git',
    'https://-x.example.org/a',
    'ssh://-oProxyCommand=id/a',
    'ssh://-oProxyCommand=id@example.org/a',
    '-oProxyCommand=id@example.org:a',
    'git@-example.org:a',
    'git@example.org:-a',
    'git@example.org::a',
    'https://example.org/a b',
    'https://example.org/a\nb',
    'https://example.org/a\0b',
    'https://example.org/ü',
    'javascript://example.org/a',
    'HTTPS+ext://example.org/a',
    `https://example.org/${'a'.repeat(2_000)}`,
  ]
  for (const url of refused) {
    assert.throws(() => parseRepoUrl(url), { code: 'bad-repo', data: { field: 'url' } }, url)
  }
})

test('a password is in no message', () => {
  const secret = 'https://me:hunter2@example.org/a b'
  assert.throws(
    () => parseRepoUrl(secret),
    (error: Error) => !error.message.includes('hunter2'),
  )
  assert.equal(withoutPassword('https://me:hunter2@a.de/x'), 'https://me:…@a.de/x')
  assert.equal(withoutPassword('https://a.de:80/x@1'), 'https://a.de:80/x@1')
})

test('a branch is what git itself takes for one', () => {
  const known = ['main', 'feature/a-b_c', 'v1.2', 'ünïcode', 'a@b', '@a', 'x{y', 'a.lock.b', '#1']
  for (const name of known) assert.equal(parseBranch(name), name)
  const parts = [
    'a',
    '/',
    '.',
    '..',
    '-',
    '@',
    '{',
    '@{',
    '.lock',
    '~',
    '^',
    ':',
    '?',
    '*',
    '[',
    '\\',
    ' ',
    '\x7f',
    '\n',
    'HEAD',
    'b',
  ]
  const name = fc
    .array(fc.constantFrom(...parts), { minLength: 1, maxLength: 5 })
    .map((all) => all.join(''))
  fc.assert(
    fc.property(name, (text) => {
      const { status } = spawnSync('git', ['check-ref-format', `refs/heads/${text}`])
      // Git keeps such names from being made by its own commands, not by others.
      const isKeptBack = text.startsWith('-') || text === 'HEAD' || text === '@'
      assert.equal(isTaken(text), status === 0 && !isKeptBack, JSON.stringify(text))
    }),
    { numRuns: 120 },
  )
})

function isTaken(branch: string): boolean {
  try {
    parseBranch(branch)
    return true
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'bad-repo', String(error))
    return false
  }
}
