import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readProcess } from './process-facts.ts'
import { runHelper } from './run-helper.ts'

test('the exit code of a helper is told', async () => {
  assert.equal(await runHelper('sh', ['-c', 'exit 3']), 3)
  assert.equal(await runHelper('sh', ['-c', 'kill -9 $$']), null)
})

test('a helper that is not there is named', async () => {
  await assert.rejects(runHelper('no-such-program', []), {
    code: 'spawn-failed',
    message: /"no-such-program" cannot be run/,
  })
})

test('a helper that does not end is killed, and named with its limit', async () => {
  const before = new Set(childrenOf(process.pid))
  const running = runHelper('sleep', ['60'], { timeoutMs: 50 })
  const [child] = childrenOf(process.pid).filter((pid) => !before.has(pid))
  assert.ok(child)
  await assert.rejects(running, {
    code: 'spawn-failed',
    message: 'The program "sleep" did not end within 50 ms',
  })
  while ((readProcess(child)?.state ?? 'Z') !== 'Z') await new Promise(setImmediate)
})

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}
