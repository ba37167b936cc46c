/** What one worker is told and believed, through a master. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { TimeoutError, WorkerStatusError } from '../errors/supervise-error.ts'
import { ask } from '../fixtures/load.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { openUnruly, TestMaster, until } from '../fixtures/test-master.ts'

test('a request that takes longer than it may is cut, and the outcome says so', async () => {
  const options = { count: 1, stopTimeout: 2000, env: { DELAY_MS: 60_000 } }
  await using opened = await TestMaster.open('web.cjs', options)
  await opened.master.start()
  const arrived = once(opened.master, 'worker-message')
  const cut = assert.rejects(ask(opened.port))
  await arrived
  const [outcome] = await opened.master.gracefulShutdown()
  assert.equal(outcome?.how, 'terminated')
  await cut
})

test('a worker that could not start, and says why to its bus, ends', async () => {
  await using opened = await openUnruly('fails-to-listen', { output: 'lines' })
  const lines: string[] = []
  opened.master.on('worker-output', (line) => lines.push(line))
  await assert.rejects(opened.master.start(), WorkerStatusError)
  await until('its error', () => lines.some((line) => line.includes('Error: no port')))
})

test('only "stopped" after the order to stop counts, and no end of servers instead', async () => {
  await using opened = await openUnruly('says-stopped-early')
  const messages: unknown[] = []
  opened.master.on('worker-message', (message) => messages.push(message))
  await opened.master.start()
  const [outcome] = await opened.master.gracefulShutdown()
  assert.deepEqual(messages, ['finished'])
  assert.equal(outcome?.how, 'exited')
})

test('what was sent before the order to stop is heard before it', async () => {
  await using opened = await openUnruly('lists-messages')
  const { master } = opened
  await master.start()
  const listed = once(master, 'worker-message')
  const [id = 0] = opened.ids
  const sent = [1, 2, 3].map(async (number) => await master.sendTo(id, number))
  await Promise.all([...sent, master.gracefulShutdown()])
  assert.deepEqual((await listed)[0], [1, 2, 3])
})

test('a program in the words of PM2 is interrupted by SIGINT', async () => {
  await using opened = await openUnruly('ends-by-sigint')
  await opened.master.start()
  const told = once(opened.master, 'worker-message')
  const [outcome] = await opened.master.gracefulShutdown()
  assert.equal((await told)[0], 'interrupted')
  assert.equal(outcome?.how, 'exited')
})

test('a word does not make it ready where something else is waited for', async () => {
  await withTemporaryFolder(async (folder) => {
    const file = `${folder}/ready`
    await writeFile(file, '') // Of an earlier run.
    await utimes(file, 1, 1)
    const server = createServer((_, response) => response.writeHead(503).end()).listen(0)
    await once(server, 'listening')
    const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    try {
      for (const ready of [{ file }, { http }]) {
        await using opened = await openUnruly('deaf', { ready, statusTimeout: 1500 })
        await assert.rejects(opened.master.start(), TimeoutError)
      }
    } finally {
      server.close()
    }
  })
})

test('a line that does not end comes in pieces', async () => {
  await using opened = await openUnruly('long-line', { output: 'lines' })
  const lines: string[] = []
  opened.master.on('worker-output', (line) => lines.push(line))
  await opened.master.start()
  await until('the first piece', () => lines.length === 1)
  await opened.master.gracefulShutdown()
  await until('the rest', () => lines.length === 2)
  assert.deepEqual(
    lines.map(({ length }) => length),
    [65_536, 100_000 - 65_536],
  )
})
