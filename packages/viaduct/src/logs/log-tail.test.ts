import assert from 'node:assert/strict'
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { logTailMaxLines } from '../model/limits.ts'
import { parseLogLine, renderLogLine, type LogLine } from './line-format.ts'
import { findLogEnd, type LogPosition, logStart } from './log-files.ts'
import { LogTail } from './log-tail.ts'
import { RotatingWriter } from './rotating-writer.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-tail-'))
after(() => rm(dir, { recursive: true }))

function line(number: number): string {
  const at = new Date(Date.UTC(2026, 10, 21) + number * 1_000).toISOString()
  return `${renderLogLine({ at, source: 'web.1', stream: 'stdout', text: `é ${number}` })}\n`
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i)
const lines = (from: number, to: number): string => range(from, to).map(line).join('')

/** Follows, and calls back with each number and where it ends; a true answer ends it. */
async function follow(
  tail: LogTail<LogLine>,
  from: LogPosition,
  onNumber: (number: number, end: LogPosition) => boolean | Promise<boolean>,
): Promise<number[]> {
  const stop = new AbortController()
  const found: number[] = []
  for await (const placed of tail.follow(from, stop.signal)) {
    const number = Number(placed.line.text.slice(2))
    found.push(number)
    if (await onNumber(number, placed.end)) stop.abort()
  }
  return found
}

test('a follower gets every new line once, across many rotations', async () => {
  const file = join(dir, 'follow.log')
  await using writer = new RotatingWriter({ file, maxBytes: 2_000, filesKept: 3 })
  writer.write(Buffer.from(lines(0, 10)))
  await writer.drained()
  // The reader is slower than a writer that would write all at once: it writes as it is read.
  const found = await follow(new LogTail(file, parseLogLine), logStart, (next) => {
    if (next >= 9 && next < 409 && (next - 9) % 40 === 0) {
      for (const n of range(next + 1, next + 41)) writer.write(Buffer.from(line(n)))
    }
    return next === 409
  })
  assert.deepEqual(found, range(0, 410))
})

test('who comes back to a place gets what came after it, through rotations', async () => {
  const file = join(dir, 'resume.log')
  writeFileSync(file, lines(0, 5))
  let place = logStart
  await follow(new LogTail(file, parseLogLine), logStart, (number, end) => {
    place = end
    return number === 2
  })
  appendFileSync(file, lines(5, 8))
  renameSync(file, `${file}.1`)
  writeFileSync(file, lines(8, 10))
  const tail = new LogTail(file, parseLogLine)
  assert.deepEqual(await follow(tail, place, (number) => number === 9), range(3, 10))
  // Its file is gone: what is left is given, rather than nothing.
  rmSync(`${file}.1`)
  assert.deepEqual(await follow(tail, place, (number) => number === 9), [8, 9])
})

test('another file that got the inode of one that is gone is not taken for it', async () => {
  const file = join(dir, 'inode.log')
  writeFileSync(file, lines(0, 5))
  const { inode, offset, mark } = await findLogEnd(file)
  const tail = new LogTail(file, parseLogLine)
  const found = await follow(tail, { inode, offset, mark: mark + 1 }, (number) => number === 4)
  assert.deepEqual(found, range(0, 5))
})

test('many followers see the same lines, whenever they come, and leave nothing behind', async () => {
  const file = join(dir, 'many.log')
  writeFileSync(file, lines(0, 3))
  const tail = new LogTail(file, parseLogLine)
  const end = await findLogEnd(file)
  const readers = Array.from({ length: 20 }, (_, index) =>
    follow(tail, index % 2 === 0 ? end : logStart, (number) => number === 9),
  )
  appendFileSync(file, lines(3, 6))
  readers.push(follow(tail, end, (number) => number === 9))
  appendFileSync(file, lines(6, 10))
  for (const [index, found] of (await Promise.all(readers)).entries()) {
    assert.deepEqual(found, index % 2 === 0 ? range(3, 10) : range(0, 10), String(index))
  }
})

test('a follower that is slow loses nothing', async () => {
  const file = join(dir, 'slow.log')
  writeFileSync(file, '')
  const tail = new LogTail(file, parseLogLine)
  const count = logTailMaxLines * 3
  const fast = Promise.withResolvers<void>()
  const slow = follow(tail, logStart, async (number) => {
    // It stands still until another reader of the same tail has seen everything.
    if (number === 0) await fast.promise
    return number === count - 1
  })
  appendFileSync(file, lines(0, 10))
  const quick = follow(tail, logStart, (number) => {
    if (number === 9)
      for (const at of range(1, 60))
        appendFileSync(file, lines((at * count) / 60, ((at + 1) * count) / 60))
    return number === count - 1
  })
  appendFileSync(file, lines(10, count / 60))
  assert.deepEqual(await quick, range(0, count))
  fast.resolve()
  assert.deepEqual(await slow, range(0, count))
})

test('a follower waits for a log that does not exist yet, and ends when it is told', async () => {
  const file = join(dir, 'later.log')
  const tail = new LogTail(file, parseLogLine)
  const reading = follow(tail, await findLogEnd(file), (number) => number === 2)
  setImmediate(() => writeFileSync(file, `${lines(1, 2)}half`))
  const first = tail.follow(logStart, AbortSignal.timeout(20_000))
  assert.equal((await first.next()).value?.line.text, 'é 1')
  await first.return()
  writeFileSync(file, lines(1, 3))
  assert.deepEqual(await reading, [1, 2])
  const stop = new AbortController()
  const idle = tail.follow(await findLogEnd(file), stop.signal).next()
  stop.abort()
  assert.equal((await idle).done, true)
})
