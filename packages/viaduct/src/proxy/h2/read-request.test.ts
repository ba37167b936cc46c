import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestFields, TrailerFields } from './read-request.ts'
import { RequestField } from './request-field.ts'

const good = [':method', 'GET', ':scheme', 'https', ':path', '/', ':authority', 'a.localhost']

/** Changes fields of a good request. */
function read(...changes: string[]): string {
  const list = [...good]
  for (let i = 0; i < changes.length; i += 2) {
    const at = list.indexOf(changes[i] as string)
    if (at === -1) list.push(changes[i] as string, changes[i + 1] as string)
    else list[at + 1] = changes[i + 1] as string
  }
  return readList(list)
}

function readList(list: readonly string[]): string {
  const fields = new RequestFields()
  fields.begin()
  for (let i = 0; i < list.length; i += 2) {
    fields.take(new RequestField(list[i] as string, list[i + 1] as string))
  }
  const head = fields.finish()
  return typeof head === 'string' ? head : `${head.method} ${head.target} ${head.host}`
}

function readTrailers(...list: string[]): string | null {
  const fields = new TrailerFields()
  for (let i = 0; i < list.length; i += 2) {
    fields.take(new RequestField(list[i] as string, list[i + 1] as string))
  }
  return fields.isBad ? null : fields.text
}

test('nothing in a field of HTTP/2 becomes a line of HTTP/1.1', () => {
  assert.equal(read(), 'GET / a.localhost')
  const line = 'x\r\nx-smuggled: 1'
  assert.equal(read(':method', `GET / HTTP/1.1\r\nx: 1`), 'Not a method')
  assert.match(read(':path', `/${line}`), /^The target has/)
  assert.match(read(':path', '/ HTTP/1.1'), /^The target has/)
  assert.equal(read(':authority', line), 'Host is missing')
  assert.equal(read(':authority', ''), 'Host is missing')
  assert.match(read('x-a', line), /^A field value has/)
  assert.match(read('x-a\r\nx-b', '1'), /^A field name has/)
  assert.match(read('x-a: 1\r\nx-b', '1'), /^A field name has/)
  assert.match(read('X-Upper', '1'), /^A field name has/)
  assert.match(read(':scheme', 'ftp'), /^The scheme/)
})

test('fields of the connection, two hosts and hosts that disagree are refused', () => {
  for (const name of ['connection', 'transfer-encoding', 'upgrade', 'keep-alive']) {
    assert.equal(read(name, 'x'), 'A field of the connection')
  }
  const twice = readList([...good, 'host', 'a.localhost', 'host', 'a.localhost'])
  assert.equal(twice, 'More than one Host')
  assert.equal(read('host', 'b.localhost'), 'Host and :authority disagree')
  assert.equal(read('host', 'A.localhost'), 'GET / a.localhost')
})

test('a trailer is checked as a field is', () => {
  assert.equal(readTrailers('x-a', '1', 'x-b', '2'), 'x-a: 1\r\nx-b: 2\r\n')
  for (const bad of [
    ['x-a', '1\r\n\r\n'],
    ['x a', '1'],
    ['connection', 'x'],
    [':path', '/'],
  ]) {
    assert.equal(readTrailers(...bad), null, bad.join())
  }
})

test('a field that is said again and again fills no memory', () => {
  const fields = new RequestFields()
  fields.begin()
  const large = new RequestField('x-large', 'v'.repeat(4_000))
  // As text they would be more than a string can be.
  for (let i = 0; i < 200_000; i++) fields.take(large)
  assert.equal(fields.finish(), 'The head is too long')
  fields.begin()
  for (let i = 0; i < good.length; i += 2) {
    fields.take(new RequestField(good[i] as string, good[i + 1] as string))
  }
  assert.equal(typeof fields.finish(), 'object')
})
