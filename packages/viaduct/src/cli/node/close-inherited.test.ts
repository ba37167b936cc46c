import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** Beyond those that Node.js itself marks at its start. */
const planted = 40

test('what was open beyond stderr is closed, and Node.js goes on with its own', () => {
  const module = JSON.stringify(new URL('close-inherited.ts', import.meta.url).href)
  const script = `
    const { closeInherited } = await import(${module})
    const { existsSync } = await import('node:fs')
    const { setTimeout } = await import('node:timers/promises')
    const isOpen = () => existsSync('/proc/self/fd/${planted}')
    const before = isOpen()
    closeInherited()
    await setTimeout(1)
    console.log(before, isOpen())`
  const stdio: ('ignore' | 'pipe' | 0)[] = ['ignore', 'pipe', 'pipe']
  while (stdio.length < planted) stdio.push('ignore')
  const words = ['--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, words, {
    ...{ encoding: 'utf8', stdio: [...stdio, 0], timeout: 20_000 },
  })
  assert.equal(stdout.trim(), 'true false', stderr)
})
