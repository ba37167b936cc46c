import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeStreams } from './merge-streams.ts'

const limit = { timeout: 5_000 }

async function* numbers(count: number, onPull: () => void = () => {}): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    onPull()
    yield i
  }
}

async function* of<T>(...streams: AsyncIterable<T>[]): AsyncGenerator<AsyncIterable<T>> {
  yield* streams
}

test('everything of every stream comes, also more than fits into the queue', limit, async () => {
  const found: number[] = []
  for await (const each of mergeStreams(of(numbers(1_000), numbers(10), numbers(0))))
    found.push(each)
  assert.equal(found.length, 1_010)
})

test('a stream that fails fails the whole, after what came before', limit, async () => {
  async function* failing(): AsyncGenerator<number> {
    yield 7
    throw new Error('disk')
  }
  const found: number[] = []
  await assert.rejects(
    async () => {
      for await (const each of mergeStreams(of(failing()))) found.push(each)
    },
    { message: 'disk' },
  )
  assert.deepEqual(found, [7])
})

test(
  'a reader that is slow holds the streams up, and one that leaves ends them',
  limit,
  async () => {
    let pulled = 0
    const merged = mergeStreams(of(numbers(100_000, () => pulled++)))
    await merged.next()
    for (let i = 0; i < 2_000; i++) await Promise.resolve()
    assert.ok(pulled < 1_000, `${pulled}`)
    await merged.return()
    for (let i = 0; i < 2_000; i++) await Promise.resolve()
    assert.ok(pulled < 1_000, `${pulled}`)
  },
)
