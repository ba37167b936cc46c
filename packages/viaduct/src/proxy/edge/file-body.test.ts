import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { staticPieceBytes } from '../../model/proxy-limits.ts'
import { until } from '../fixtures/test-proxy.ts'
import { FileBody } from './file-body.ts'
import type { Visitor } from './visit.ts'

interface Teller {
  /** What the visitor was told, as text. */
  readonly told: string[]
}

/** A visitor that takes everything, and writes down what it is told, of a file of this size. */
async function visit(
  size: number,
  options: { end?: number; onPass?: (body: FileBody) => void } = {},
): Promise<Teller> {
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
      options.onPass?.(body)
      return true
    },
    endLocal: (isWhole) => told.push(isWhole ? 'whole' : 'broken'),
  }
  const body = new FileBody(path, visitor, { start: 0, end: options.end ?? size })
  body.resume()
  await until(() => told.length > 0, 'the first piece')
  const limit = performance.now() + 100
  while (!told.includes('whole') && performance.now() < limit) await turn()
  await rm(dir, { recursive: true })
  return { told }
}

function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
    } catch {
      return false // Closed meanwhile.
    }
  })
}

test('a file is passed in pieces, and its end is told once', async () => {
  const { told } = await visit(staticPieceBytes + 1)
  assert.deepEqual(told, [String(staticPieceBytes), '1', 'whole'])
})

test('a client that goes while the file is being closed is told no end', async () => {
  const onPass = (body: FileBody): void => void Promise.resolve().then(() => body.stop())
  assert.deepEqual((await visit(10, { onPass })).told, ['10'])
  // Nor gets the piece that is being read.
  const { told } = await visit(2 * staticPieceBytes, { onPass })
  assert.deepEqual(told, [String(staticPieceBytes)])
})

test('a client that takes more while a piece is being read gets each piece once', async () => {
  const { told } = await visit(2 * staticPieceBytes, { onPass: (body) => body.resume() })
  assert.deepEqual(told, [String(staticPieceBytes), String(staticPieceBytes), 'whole'])
})

test('a file that is shorter than it was, or gone, ends no answer well', async () => {
  assert.deepEqual((await visit(10, { end: 11 })).told, ['10', 'broken'])
  const { told } = await visit(0, { end: 1 })
  assert.deepEqual(told, ['broken'])
  const gone: string[] = []
  const endLocal = (isWhole: boolean): void => void gone.push(isWhole ? 'whole' : 'broken')
  new FileBody('/nowhere', { endLocal } as Visitor, { start: 0, end: 1 }).resume()
  await until(() => gone.length > 0, 'word of it')
  assert.deepEqual(gone, ['broken'])
})

test('a client that goes leaves no file open, whether it waits or a piece is being read', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'file-body-'))
  const path = join(dir, 'file')
  await writeFile(path, Buffer.alloc(3 * staticPieceBytes))
  let passed = 0
  // It takes no more after the first piece.
  const visitor = {
    pass: () => ++passed === 0,
    endLocal: () => assert.fail(),
  } as unknown as Visitor
  const body = new FileBody(path, visitor, { start: 0, end: 3 * staticPieceBytes })
  body.resume()
  await until(() => passed === 1, 'the first piece')
  await turn()
  assert.ok(isOpen(path))
  body.stop()
  await until(() => !isOpen(path), 'it is closed')
  const other = new FileBody(path, visitor, { start: 0, end: 3 * staticPieceBytes })
  other.resume()
  other.stop()
  other.resume()
  await turn()
  await until(() => !isOpen(path), 'it is closed')
  assert.equal(passed, 1)
  await rm(dir, { recursive: true })
})
