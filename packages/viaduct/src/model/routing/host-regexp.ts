/**
 * Regular expressions on host names, in time linear in the name whatever the expression is (RE2's
 * language: no backreferences, no lookaround), so that no request can make a proxy hang.
 *
 * The library is loaded by the first expression: most servers have none, and need not hold it.
 */
import { createRequire } from 'node:module'
import type * as Library from 're2js'
import { AppError } from '../app-error.ts'
import { hostRegexpMaxChars, hostRegexpMaxSteps } from '../limits.ts'

export interface HostRegexp {
  /** True when the expression is found in it; only `^` and `$` tie it to the ends. */
  test(hostname: string): boolean
}

const require = createRequire(import.meta.url)

/** @throws {AppError} `bad-route`: too long, too large, or not of RE2's language. */
export function compileHostRegexp(source: string): HostRegexp {
  const shown = JSON.stringify(source.slice(0, 80))
  if (source.length > hostRegexpMaxChars) {
    throw bad(`The regular expression ${shown}… is longer than ${hostRegexpMaxChars} characters`)
  }
  const { RE2JS } = require('re2js') as typeof Library
  let regexp: Library.RE2JS
  try {
    regexp = RE2JS.compile(source)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw bad(`${shown} is not a regular expression of RE2: ${reason}`)
  }
  if (regexp.programSize() > hostRegexpMaxSteps) {
    throw bad(
      `The regular expression ${shown} makes ${regexp.programSize()} steps, ` +
        `more than ${hostRegexpMaxSteps}`,
    )
  }
  return regexp
}

function bad(message: string): AppError {
  return new AppError('bad-route', message, {
    hint: 'RE2 has no backreferences and no lookaround; counts such as {100} make many steps.',
    data: { field: 'host' },
  })
}
