import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeoutError, UnexpectedWorkerState } from '../errors/supervise-error.ts'
import { TestMaster } from '../fixtures/test-master.ts'

test('requests are answered by the worker that was asked, or fail in time', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 2 })
  const { master } = opened
  await master.start()
  const [first = 0, second = 0] = opened.ids
  const [pid1, pid2] = opened.pids
  const answers = [master.request(first, [1]), master.request(second, null)]
  assert.deepEqual(await Promise.all(answers), [
    { echo: [1], by: pid1 },
    { echo: null, by: pid2 },
  ])
  await assert.rejects(master.request(first, 'fail'), /cannot do that/)
  await assert.rejects(master.request(first, 'never', 50), TimeoutError)
  await assert.rejects(master.request(first, 1n), TypeError)
  await assert.rejects(master.request(999_999, 1), UnexpectedWorkerState)
  await assert.rejects(master.request(first, 'exit'), UnexpectedWorkerState)
})

test('messages reach one worker or all; workers may ask the master', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 3 })
  const { master } = opened
  const heard: [message: unknown, workerId: number][] = []
  master.onRequest((payload, workerId) => ({ payload, workerId }))
  const all = new Promise<void>((resolve) => {
    master.on('worker-message', (message, workerId) => {
      heard.push([message, workerId])
      if (heard.length === 4) resolve()
    })
  })
  await master.start()
  const [one = 0, two = 0, three = 0] = opened.ids
  await master.sendTo(two, { only: 'two' })
  assert.equal(await master.broadcast('ask'), 3)
  await all
  assert.deepEqual(
    heard.filter(([message]) => JSON.stringify(message).includes('only')),
    [[{ echo: { only: 'two' } }, two]],
  )
  const answered = heard.filter(([message]) => JSON.stringify(message).includes('answer'))
  const wanted = [one, two, three].map((workerId) => {
    return [{ answer: { payload: 'hello', workerId } }, workerId]
  })
  assert.deepEqual(
    answered.sort((a, b) => a[1] - b[1]),
    wanted,
  )
  await assert.rejects(master.sendTo(999_999, 1), UnexpectedWorkerState)
})

test('many messages at once keep their order, and one that is no JSON fails alone', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 1 })
  const { master } = opened
  const heard: unknown[] = []
  const last = new Promise<void>((resolve) => {
    master.on('worker-message', (message) => {
      heard.push((message as { echo: unknown }).echo)
      if (heard.length === 2000) resolve()
    })
  })
  await master.start()
  const [id = 0] = opened.ids
  const numbers = Array.from({ length: 2000 }, (_, index) => index)
  const first = numbers.slice(0, 700).map(async (number) => await master.sendTo(id, number))
  const wrong = assert.rejects(master.sendTo(id, { number: 1n }), TypeError)
  const sent = numbers.slice(700).map(async (number) => await master.sendTo(id, number))
  await Promise.all([...first, wrong])
  await Promise.all(sent)
  await last
  assert.deepEqual(heard, numbers)
})
