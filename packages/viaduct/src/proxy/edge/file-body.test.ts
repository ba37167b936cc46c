import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { staticPieceBytes } from '../../model/proxy-limits.ts'
import { until } from '../fixtures/test-proxy.ts'
import { FileBody } from './file-body.ts'
import type { Visitor } from './visit.ts'

/** A visitor that takes everything, and writes down what it is told. */
async function visit(size: number, onPass?: (body: FileBody) => void): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'file-body-'))
  const path = join(dir, 'file')
  await writeFile(path, Buffer.alloc(size, 'x'))
  const told: string[] = []
  const visitor: Visitor = {
    ticket: 1,
    isDone: false,
    place: () => told.push('place'),
    fail: (reason) => told.push(reason),
    answer: () => told.push('answer'),
    pass: (bytes) => {
      told.push(String(bytes.length))
      onPass?.(body)
      return true
    },
    endLocal: (isWhole) => told.push(isWhole ? 'whole' : 'broken'),
  }
  const body = new FileBody(path, visitor, { start: 0, end: size })
  body.resume()
  await until(() => told.length > 0, 'the first piece')
  const limit = performance.now() + 100
  while (!told.includes('whole') && performance.now() < limit) await turn()
  await rm(dir, { recursive: true })
  return told
}

test('a file is passed in pieces, and its end is told once', async () => {
  const told = await visit(staticPieceBytes + 1)
  assert.deepEqual(told, [String(staticPieceBytes), '1', 'whole'])
})

test('a client that goes while the file is being closed is told no end', async () => {
  const stopSoon = (body: FileBody): void => void Promise.resolve().then(() => body.stop())
  assert.deepEqual(await visit(10, stopSoon), ['10'])
})

test('a client that takes more while a piece is being read gets each piece once', async () => {
  const told = await visit(2 * staticPieceBytes, (body) => body.resume())
  assert.deepEqual(told, [String(staticPieceBytes), String(staticPieceBytes), 'whole'])
})
