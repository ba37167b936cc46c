import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { RotatingWriter } from './rotating-writer.ts'
import { SharedWriters } from './shared-writers.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-writer-'))
after(() => rm(dir, { recursive: true }))

test('files stay within their size and number, and keep the newest lines in order', async () => {
  const file = join(dir, 'app', 'app.log')
  const writer = new RotatingWriter({ file, maxBytes: 1_000, filesKept: 2 })
  for (let i = 0; i < 500; i++) {
    writer.write(Buffer.from(`line ${i}\n`))
    if (i % 7 === 0) await writer.drained()
  }
  await writer[Symbol.asyncDispose]()
  assert.deepEqual((await readdir(join(dir, 'app'))).toSorted(), [
    'app.log',
    'app.log.1',
    'app.log.2',
  ])
  const files = [`${file}.2`, `${file}.1`, file]
  for (const each of files) assert.ok(statSync(each).size <= 1_000)
  const lines = files
    .map((each) => readFileSync(each, 'utf8'))
    .join('')
    .split('\n')
    .slice(0, -1)
  assert.equal(lines.at(-1), 'line 499')
  const first = Number(lines[0]?.split(' ')[1])
  assert.deepEqual(
    lines,
    Array.from({ length: 500 - first }, (_, i) => `line ${first + i}`),
  )
})

test('a file of an earlier writer is gone on with', async () => {
  const file = join(dir, 'again.log')
  for (const text of ['a\n', 'b\n']) {
    const writer = new RotatingWriter({ file, maxBytes: 1_000, filesKept: 1 })
    writer.write(Buffer.from(text))
    await writer[Symbol.asyncDispose]()
  }
  assert.equal(readFileSync(file, 'utf8'), 'a\nb\n')
})

test('a rotation looks at the files that are there, not at all that may be', async () => {
  const file = join(dir, 'many', 'app.log')
  const writer = new RotatingWriter({ file, maxBytes: 10, filesKept: Infinity })
  for (let i = 0; i < 5; i++) writer.write(Buffer.from(`line ${i}\n`))
  await writer[Symbol.asyncDispose]()
  const files = [`${file}.4`, `${file}.3`, `${file}.2`, `${file}.1`, file]
  assert.equal(
    files.map((each) => readFileSync(each, 'utf8')).join(''),
    'line 0\nline 1\nline 2\nline 3\nline 4\n',
  )
})

test('files beyond a number that was made smaller are removed', async () => {
  const file = join(dir, 'fewer', 'app.log')
  for (const filesKept of [4, 2]) {
    const writer = new RotatingWriter({ file, maxBytes: 10, filesKept })
    for (let i = 0; i < 6; i++) writer.write(Buffer.from(`line ${i}\n`))
    await writer[Symbol.asyncDispose]()
  }
  const names = (await readdir(join(dir, 'fewer'))).toSorted()
  assert.deepEqual(names, ['app.log', 'app.log.1', 'app.log.2'])
})

test('with no old files kept, the file starts over', async () => {
  const file = join(dir, 'single.log')
  const writer = new RotatingWriter({ file, maxBytes: 10, filesKept: 0 })
  for (let i = 0; i < 5; i++) writer.write(Buffer.from(`line ${i}\n`))
  await writer[Symbol.asyncDispose]()
  assert.equal(readFileSync(file, 'utf8'), 'line 4\n')
  assert.ok(!existsSync(`${file}.1`))
})

test('what cannot be written is said once and dropped; later lines are written', async () => {
  const file = join(dir, 'broken', 'app.log')
  mkdirSync(file, { recursive: true })
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const writer = new RotatingWriter({ file, maxBytes: 1_000, filesKept: 1, onError })
  for (let i = 0; i < 3; i++) {
    writer.write(Buffer.from('lost\n'))
    await writer.drained()
  }
  assert.equal(errors.length, 1)
  rmSync(file, { recursive: true })
  writer.write(Buffer.from('kept\n'))
  await writer[Symbol.asyncDispose]()
  assert.equal(readFileSync(file, 'utf8'), 'kept\n')
})

test('streams that share a file have one writer, which the last one closes', async () => {
  const writers = new SharedWriters({ maxBytes: 1_000, filesKept: 1 })
  const file = join(dir, 'shared.log')
  const [a, b] = [writers.share(file), writers.share(file)]
  assert.equal(a.writer, b.writer)
  a.writer.write(Buffer.from('a\n'))
  await a.release()
  b.writer.write(Buffer.from('b\n'))
  await b.release()
  assert.equal(readFileSync(file, 'utf8'), 'a\nb\n')
  assert.notEqual(writers.share(file).writer, a.writer)
})
