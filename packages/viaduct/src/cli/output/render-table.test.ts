import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { test } from 'node:test'
import { renderFacts, renderTable } from './render-table.ts'

const plain = (_style: string, text: string): string => text
const red = (_style: string, text: string): string => `\x1b[31m${text}\x1b[39m`
const columns = [{ title: 'NAME' }, { title: 'PID', right: true }, { title: 'STATE' }]
const rows = [
  ['web.1', '7', 'ready'],
  ['worker.12', '12345', ''],
]

test('columns are aligned, numbers from the right, without spaces at the end', () => {
  assert.equal(
    renderTable(columns, rows, plain),
    'NAME         PID  STATE\nweb.1          7  ready\nworker.12  12345',
  )
  assert.equal(renderTable(columns, [], plain), 'NAME  PID  STATE')
})

test('colours do not move the columns', () => {
  const coloured = rows.map((row) => row.map((cell) => red('red', cell)))
  const text = stripVTControlCharacters(renderTable(columns, coloured, red))
  assert.deepEqual(text.split('\n').slice(0, 2), [
    'NAME         PID  STATE',
    'web.1          7  ready',
  ])
})

test('facts stand in two columns', () => {
  assert.equal(
    renderFacts(
      [
        ['A', '1'],
        ['LONG', '2'],
      ],
      plain,
    ),
    'A     1\nLONG  2',
  )
})
