/** All tests of the library once more: compiled, as CommonJS, on an older Node.js. */
import assert from 'node:assert/strict'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { BuiltPackage, findOlderNode, run } from './built-package.ts'

test('supervise works on Node.js 20', async (t) => {
  const node = findOlderNode()
  if (node === null) return t.skip('there is no Node.js 20 to 23 on this machine')
  await using built = await BuiltPackage.build({ tests: true })
  const files: string[] = []
  for await (const file of glob('**/*.test.js', { cwd: built.compiled })) files.push(file)
  assert.ok(files.length >= 7, `${files.length} compiled tests`)
  const paths = files.map((file) => join(built.compiled, file))
  const { code, output } = await run(node, ['--test', '--test-concurrency=2', ...paths])
  assert.equal(code, 0, output)
  assert.match(output, /^# fail 0$/m)
  assert.ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) >= 40, output)
})
