import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { renderLogLine } from './line-format.ts'
import { readLog, type ReadLogOptions } from './read-log.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-read-'))
after(() => rm(dir, { recursive: true }))

function line(number: number, source = 'web.1'): string {
  const at = new Date(Date.UTC(2026, 10, 21) + number * 1_000).toISOString()
  return `${renderLogLine({ at, source, stream: 'stdout', text: `é ${number}` })}\n`
}

async function numbers(options: ReadLogOptions): Promise<number[]> {
  return (await readLog(options)).map(({ text }) => Number(text.slice(2)))
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i)

test('the newest lines come in order, over rotated files and blocks', async () => {
  const file = join(dir, 'app.log')
  const part = (from: number, to: number): string =>
    range(from, to)
      .map((n) => line(n))
      .join('')
  writeFileSync(`${file}.2`, part(0, 5_000))
  writeFileSync(`${file}.1`, part(5_000, 10_000))
  writeFileSync(file, `${part(10_000, 10_010)}half a li`)
  assert.deepEqual(await numbers({ file, lines: 3 }), range(10_007, 10_010))
  assert.deepEqual(await numbers({ file, lines: 6_000 }), range(4_010, 10_010))
  assert.deepEqual(await numbers({ file, lines: Infinity }), range(0, 10_010))
  assert.deepEqual(await numbers({ file, lines: 0 }), [])
  const since = Date.UTC(2026, 10, 21) + 9_995_000
  assert.deepEqual(await numbers({ file, lines: Infinity, since }), range(9_995, 10_010))
})

test('a filter counts only what passes', async () => {
  const file = join(dir, 'mixed.log')
  const text = range(0, 100).map((n) => line(n, n % 10 === 0 ? 'worker.1' : 'web.1'))
  writeFileSync(file, text.join('') + 'not a stamped line\n')
  const filter: ReadLogOptions['filter'] = ({ source }) => source === 'worker.1'
  assert.deepEqual(await numbers({ file, lines: 3, filter }), [70, 80, 90])
})

test('a log that does not exist is empty', async () => {
  assert.deepEqual(await numbers({ file: join(dir, 'none.log'), lines: 10 }), [])
})
