import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heartbeat, readEvents, renderEvent, type SentEvent } from './event-stream.ts'

async function read(bytes: Uint8Array, size: number) {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  const events: SentEvent[] = []
  for await (const event of readEvents(ReadableStream.from(chunks))) events.push(event)
  return events
}

test('events come whole however the stream is cut', async () => {
  const sent = [
    { id: '1', event: 'deploy.queued', data: '{"a":"ü€😀"}' },
    { id: '2', event: 'deploy.failed', data: '{}' },
  ]
  const text = `${heartbeat}${sent.map(renderEvent).join(heartbeat)}id: 3\nevent: cut\ndata: off`
  const bytes = new TextEncoder().encode(text)
  for (const size of [1, 2, 3, 7, 1000]) assert.deepEqual(await read(bytes, size), sent, `${size}`)
})

test('line ends of any kind and data of several lines are read', async () => {
  const bytes = new TextEncoder().encode('data: one\r\ndata:two\r\n\r\n: a comment\n\n')
  assert.deepEqual(await read(bytes, 4), [{ id: '', event: 'message', data: 'one\ntwo' }])
})

test('each event has its own name, a field may have no colon, and one space is dropped', async () => {
  const bytes = new TextEncoder().encode('event: a\ndata:  x \n\ndata\n\nid: 7\n\ndata: y\n\n')
  assert.deepEqual(await read(bytes, 1000), [
    { id: '', event: 'a', data: ' x ' },
    { id: '', event: 'message', data: '' },
    { id: '7', event: 'message', data: 'y' },
  ])
})
