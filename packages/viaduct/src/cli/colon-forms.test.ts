import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandGroups } from './command-table.ts'
import { splitColonForm } from './colon-forms.ts'

test('Heroku’s spellings become commands of ours', () => {
  assert.deepEqual(splitColonForm(['config:set', 'A=1']), ['config', 'set', 'A=1'])
  assert.deepEqual(splitColonForm(['ps:scale', 'web=2']), ['scale', 'web=2'])
  assert.deepEqual(splitColonForm(['toString']), ['toString'])
  assert.deepEqual(splitColonForm([]), [])
})

test('each of them leads to a command that there is', () => {
  const names = commandGroups.flatMap((group) => group.commands.map(({ name }) => name))
  for (const form of ['apps:destroy', 'ps:stop', 'auth:login', 'releases:rollback']) {
    assert.ok(names.includes(splitColonForm([form])[0] ?? ''), form)
  }
})
