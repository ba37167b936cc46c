import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog } from './open-log.ts'

function capture(level: 'debug' | 'info') {
  const lines: Record<string, unknown>[] = []
  return { lines, log: openLog(level, (line) => lines.push(JSON.parse(line))) }
}

test('a line has its time, level and event, and secrets are left out at any depth', () => {
  const { lines, log } = capture('info')
  const deep = { authToken: 'x', nested: { password: 'x', config: { A: 'x' } }, app: 'shop' }
  log.info('deploy.switched', deep)
  assert.partialDeepStrictEqual(lines[0], {
    event: 'deploy.switched',
    level: 'info',
    app: 'shop',
    authToken: '[redacted]',
    nested: { password: '[redacted]', config: '[redacted]' },
  })
})

test('levels below the wanted one say nothing, and errors show their cause', () => {
  const { lines, log } = capture('info')
  log.debug('step')
  log.error('api.failed', { error: new Error('outer', { cause: new Error('inner') }) })
  assert.equal(lines.length, 1)
  assert.partialDeepStrictEqual(lines[0]?.['error'], {
    message: 'outer',
    cause: { message: 'inner' },
  })
})
