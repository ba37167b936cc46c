import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildErrorLines, outputLinesPerWindow, outputWindowMs } from '../../model/limits.ts'
import { OutputEmitter } from './output-emitter.ts'

test('lines go on up to a rate; of what is left out the last ones are told, and how many', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: string[] = []
  const emitter = new OutputEmitter((stream, line) => told.push(`${stream} ${line}`))
  const count = outputLinesPerWindow + 5_000
  const buffer = Buffer.alloc(20)
  for (let i = 0; i < count; i++) {
    const bytes = buffer.write(`line ${i}`)
    emitter.take('stdout', buffer.subarray(0, bytes))
  }
  assert.equal(told.length, outputLinesPerWindow)
  t.mock.timers.tick(outputWindowMs)
  assert.equal(
    told[outputLinesPerWindow],
    `stdout … ${5_000 - buildErrorLines} lines are in the log only`,
  )
  assert.equal(told.length, outputLinesPerWindow + 1 + buildErrorLines)
  assert.equal(told.at(-1), `stdout line ${count - 1}`)

  emitter.take('stderr', Buffer.from('again'))
  assert.equal(told.at(-1), 'stderr again')
})

test('the end tells what is held back, without waiting', () => {
  const told: string[] = []
  const emitter = new OutputEmitter((_, line) => told.push(line))
  for (let i = 0; i <= outputLinesPerWindow; i++) emitter.take('stdout', Buffer.from(`${i}`))
  assert.equal(told.length, outputLinesPerWindow)
  emitter.end()
  assert.equal(told.at(-1), `${outputLinesPerWindow}`)
})
