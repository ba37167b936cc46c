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
        hint: `Write "viaduct scale ${suggest(type)}".`,
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

/** `web3` → `web=3`; a word without a count gets one as an example. */
function suggest(word: string): string {
  const [, type = word, count = '2'] = /^(.*[^0-9])([0-9]+)$/.exec(word) ?? []
  return `${type || 'web'}=${count}`
}
