/** `web=3 worker=1` → counts per process type. Which types exist is for the server to say. Pure. */
import { AppError } from '../../model/app-error.ts'
import { parseProcessType } from '../../model/ids.ts'
import { instancesPerTypeMax } from '../../model/limits.ts'

/** @throws {AppError} `bad-usage`, `bad-process-type`, `bad-count` */
export function parseCounts(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) {
    const [type = '', count, ...more] = word.split('=')
    if (count === undefined || more.length > 0) {
      throw new AppError('bad-usage', `${JSON.stringify(word)} is not TYPE=COUNT`, {
        hint: `Write "viaduct scale ${type || 'web'}=2".`,
      })
    }
    const name = parseProcessType(type)
    if (!/^[0-9]{1,9}$/.test(count) || Number(count) > instancesPerTypeMax) {
      throw new AppError('bad-count', `${JSON.stringify(count)} is not a count for "${name}"`, {
        hint: `Counts are whole numbers from 0 to ${instancesPerTypeMax}.`,
        data: { field: name },
      })
    }
    if (Object.hasOwn(counts, name)) {
      throw new AppError('bad-usage', `"${name}" is there twice`)
    }
    counts[name] = Number(count)
  }
  return counts
}
