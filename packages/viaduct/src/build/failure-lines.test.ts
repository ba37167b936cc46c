import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainManager } from './builders/node/explain-manager.ts'
import { FailureLines } from './failure-lines.ts'

function take(lines: readonly string[]): FailureLines {
  const taken = new FailureLines()
  for (const line of lines) taken.add(line)
  return taken
}

const many = (text: string): string[] => Array.from({ length: 50 }, (_, at) => `${text} ${at}`)

test('of a command that is not npm the last lines are kept', () => {
  const taken = take(many('line'))
  assert.deepEqual(taken.lines(), many('line').slice(-20))
  assert.equal(taken.code, null)
})

test('npm says the cause first: its first lines win, without its options', () => {
  const cause = ['npm error code EUSAGE', 'npm error Missing: ms@2.1.3 from lock file']
  const usage = ['npm error Clean install a project', 'npm error', 'npm error Usage:']
  const taken = take(['npm warn old', ...cause, ...usage, ...many('npm error --option')])
  assert.deepEqual(taken.lines(), cause)
  const long = take(['npm error code E1', ...many('npm error Missing')])
  assert.deepEqual(long.lines().slice(0, 2), ['npm error code E1', 'npm error Missing 0'])
  assert.equal(long.lines().length, 20)
})

test('what the app itself wrote before stays, what npm says for nobody goes', () => {
  const taken = take([
    'own output',
    'npm warn deprecated x',
    'npm error code 4',
    'npm error command failed',
    'npm error 404',
    'npm error     at ClientRequest.emit (node:events:514:28)',
    'npm error A complete log of this run can be found in: /x/y.log',
  ])
  assert.deepEqual(taken.lines(), ['own output', 'npm error code 4', 'npm error command failed'])
})

test('a script that failed is named, and its last lines win', () => {
  const head = ['npm error code 3', 'npm error path /x/node_modules/dep']
  const command = ['npm error command failed', 'npm error command sh -c node fail.js']
  const lines = take([...head, ...command, ...many('npm error line')]).lines()
  assert.deepEqual(lines.slice(0, 4), [...head, ...command])
  assert.deepEqual(lines.slice(4), many('npm error line').slice(-16))
})

test('npm 9 and older say ERR!', () => {
  const taken = take(['npm ERR! code ENOTFOUND', 'npm ERR! network x'])
  assert.equal(taken.code, 'ENOTFOUND')
  assert.equal(taken.lines().length, 2)
})

test('each code has its advice', () => {
  const advise = (...lines: string[]): string => explainManager(take(lines))
  assert.match(advise('npm error code EUSAGE'), /Run "npm install"/)
  assert.match(advise('npm error code E404'), /no such package/)
  assert.match(advise('npm error code ENOTFOUND'), /does not reach/)
  assert.match(advise('npm error code 3', 'npm error command failed'), /script/)
  assert.match(advise('tsc: error'), /last lines/)
})
