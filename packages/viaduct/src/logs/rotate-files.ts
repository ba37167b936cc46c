/**
 * Moves the old files of a log one place on: `app.log.1` → `app.log.2` …, so that `app.log.1` is
 * free. Only what is there is touched: a rotation costs no more when many files may be kept.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'

/**
 * @param filesKept Old files that may be there when the current one has become the first; older
 *   ones are removed. 0: all are.
 * @throws {Error} System errors but ENOENT.
 */
export async function shiftRotated(file: string, filesKept: number): Promise<void> {
  for (const age of (await agesOf(file)).toSorted((one, other) => other - one)) {
    const path = `${file}.${age}`
    if (age >= filesKept) await rm(path, { force: true })
    else await renameIfThere(path, `${file}.${age + 1}`)
  }
}

/** @throws {Error} System errors but ENOENT. */
export async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
}

async function agesOf(file: string): Promise<number[]> {
  const prefix = `${basename(file)}.`
  const names = (await readdir(dirname(file))).filter((name) => name.startsWith(prefix))
  const ages = names.map((name) => name.slice(prefix.length))
  return ages.filter((age) => /^[1-9][0-9]{0,5}$/.test(age)).map(Number)
}
