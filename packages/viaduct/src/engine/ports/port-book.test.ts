import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { findFreePort } from './find-free-port.ts'
import { PortBook } from './port-book.ts'

/** A book of three ports in a row that were free a moment ago. */
async function openBook(): Promise<{ book: PortBook; ports: number[] }> {
  const min = await findFreePort({ min: 27_000, max: 27_900, taken: new Set(), random: 0.5 })
  return { book: new PortBook({ min, max: min + 2 }), ports: [min, min + 1, min + 2] }
}

test('claims at the same time get different ports, until none is left', async () => {
  const { book, ports } = await openBook()
  const claimed = await Promise.all([book.claim(), book.claim(), book.claim()])
  assert.deepEqual(claimed.toSorted(), ports)
  await assert.rejects(book.claim(), { code: 'no-free-port' })
  book.release(ports[1]!)
  assert.equal(await book.claim(), ports[1])
})

test('a port that an instance has already is not given out', async () => {
  const { book, ports } = await openBook()
  for (const port of ports) book.adopt(port)
  await assert.rejects(book.claim(), { code: 'no-free-port' })
  book.release(ports[1]!)
  assert.equal(await book.claim(), ports[1])
})

test('busy is where somebody listens, whoever claimed the port', async () => {
  const { book } = await openBook()
  const port = await book.claim()
  assert.equal(await book.isBusy(port), false)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  try {
    assert.equal(await book.isBusy(port), true)
  } finally {
    server.close()
  }
})
