import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { renderLogLine } from './line-format.ts'
import { readLog, type ReadLogOptions } from './read-log.ts'
import { RotatingWriter } from './rotating-writer.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-read-'))
after(() => rm(dir, { recursive: true }))

function line(number: number, source = 'web.1'): string {
  const at = new Date(Date.UTC(2026, 10, 21) + number * 1_000).toISOString()
  return `${renderLogLine({ at, source, stream: 'stdout', text: `é ${number}` })}\n`
}

async function numbers(options: ReadLogOptions): Promise<number[]> {
  const found: number[] = []
  for await (const { text } of readLog(options)) found.push(Number(text.slice(2)))
  return found
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

test('a follower gets every new line once, across many rotations', async () => {
  const file = join(dir, 'follow.log')
  const writer = new RotatingWriter({ file, maxBytes: 2_000, filesKept: 3 })
  for (const n of range(0, 10)) writer.write(Buffer.from(line(n)))
  await writer.drained()
  const stop = new AbortController()
  const found: number[] = []
  const reading = (async () => {
    const options = { file, lines: 5, follow: true, signal: stop.signal }
    for await (const { text } of readLog(options)) {
      found.push(Number(text.slice(2)))
      // The reader is slower than a writer that would write all at once: it writes as it is read.
      const next = found.at(-1) ?? 0
      if (next >= 9 && next < 409 && (next - 9) % 40 === 0) {
        for (const n of range(next + 1, next + 41)) writer.write(Buffer.from(line(n)))
      }
      if (next === 409) stop.abort()
    }
  })()
  await reading
  await writer[Symbol.asyncDispose]()
  assert.deepEqual(found, range(5, 410))
})

test('a follower waits for a log that does not exist yet, and ends when it is told', async () => {
  const file = join(dir, 'later.log')
  const stop = new AbortController()
  const reading = numbers({ file, lines: 5, follow: true, signal: stop.signal })
  setImmediate(() => writeFileSync(file, line(1)))
  const first = readLog({ file, lines: 5, follow: true, signal: stop.signal })
  assert.equal((await first.next()).value?.text, 'é 1')
  await first.return()
  setTimeout(() => stop.abort(), 250)
  assert.deepEqual(await reading, [1])
})
