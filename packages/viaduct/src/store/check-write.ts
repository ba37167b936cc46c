/**
 * What a key, a prefix and a value must look like, for every store alike. A bad key is a bug in
 * the caller (names are parsed long before); a value that is too large is the user's data.
 */
import assert from 'node:assert/strict'
import { AppError } from '../model/app-error.ts'
import { storeKeyMaxBytes, storeValueMaxBytes } from '../model/limits.ts'
import type { Write } from './store.ts'

const keyPattern = /^[a-z0-9-]+(?:\/[A-Za-z0-9_.-]+)*$/

/** A write whose value is already text. */
export interface EncodedWrite {
  readonly key: string
  /** JSON; null deletes. */
  readonly text: string | null
  readonly revision: number | undefined
}

/** @throws {AssertionError} The key is not allowed; a bug. */
export function checkKey(key: string): void {
  assert.ok(keyPattern.test(key) && key.length <= storeKeyMaxBytes, `Bad store key "${key}"`)
}

/** @throws {AssertionError} The prefix is not a key and "/"; a bug. */
export function checkPrefix(prefix: string): void {
  assert.ok(prefix.endsWith('/'), `Bad store prefix "${prefix}": it has to end in "/"`)
  checkKey(prefix.slice(0, -1))
}

/**
 * @throws {AppError} `bad-request`: a value of more than `storeValueMaxBytes`.
 * @throws {AssertionError} A key is not allowed or a value is not JSON; a bug.
 */
export function encodeWrite(write: Write): EncodedWrite {
  if ('delete' in write) {
    checkKey(write.delete)
    return { key: write.delete, text: null, revision: write.revision }
  }
  const { put: key, value, revision } = write
  checkKey(key)
  const text: string | undefined = JSON.stringify(value)
  assert.ok(text !== undefined, `The value of "${key}" is not JSON`)
  const bytes = Buffer.byteLength(text)
  if (bytes > storeValueMaxBytes) {
    throw new AppError('bad-request', `"${key}" has ${bytes} bytes, more than can be stored`, {
      hint: `At most ${storeValueMaxBytes} bytes fit.`,
      data: { key, bytes, limit: storeValueMaxBytes },
    })
  }
  return { key, text, revision }
}

/** @throws {AppError} `revision-conflict` unless `wanted` is undefined or what is there. */
export function checkRevision(key: string, wanted: number | undefined, found: number): void {
  if (wanted === undefined || wanted === found) return
  const what = found === 0 ? 'it does not exist' : `it is at ${found}`
  throw new AppError('revision-conflict', `"${key}" was expected at revision ${wanted}, ${what}`, {
    data: { key, wanted, found },
  })
}
