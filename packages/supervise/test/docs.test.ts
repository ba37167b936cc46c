/** The pages of the library say what its code does. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { apiDocsPath, renderApiDocs } from '../../../tools/write-supervise-docs.ts'
import * as supervise from '../src/supervise.ts'

test('API.md is what the docstrings say; "node tools/write-supervise-docs.ts" writes it', async () => {
  const text = await readFile(apiDocsPath, 'utf8')
  assert.equal(text, renderApiDocs())
  for (const method of Object.getOwnPropertyNames(supervise.Master.prototype)) {
    if (method !== 'constructor') assert.ok(text.includes(`\`${method}(`), `${method} is not there`)
  }
})

test('the README imports nothing that the library does not export', async () => {
  const text = await readFile(join(import.meta.dirname, '../README.md'), 'utf8')
  const imports = [...text.matchAll(/(?:const|import) \{ ([^}]+) \} (?:=|from)[^\n]*supervise'/g)]
  const names = imports.flatMap(([, list = '']) => list.split(', '))
  assert.ok(names.length >= 5)
  assert.deepEqual(
    names.filter((name) => !Object.hasOwn(supervise, name)),
    [],
  )
})
