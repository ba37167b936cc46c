/** What to do about a failure that npm has a code for. Pure. */
import type { FailureLines } from '../../failure-lines.ts'
import { defaultHint } from '../../run-step.ts'

const unreachable =
  'This server does not reach the npm registry: look at its network, proxy and "npm config list".'
const missing =
  'The registry has no such package or version: check the name; a private one needs .npmrc.'
const refused = 'The registry wants a token: put one into .npmrc in the folder of the app.'

const hints: Readonly<Record<string, string>> = {
  EUSAGE: 'Run "npm install" in the folder: it brings the lock file up to date. Then deploy again.',
  ERESOLVE: 'Dependencies exclude each other: "npm install" in the folder shows the same.',
  ...{ E404: missing, ETARGET: missing, E401: refused, E403: refused, ENEEDAUTH: refused },
  ...{ ENOTFOUND: unreachable, EAI_AGAIN: unreachable, ECONNREFUSED: unreachable },
  ...{ ECONNRESET: unreachable, ETIMEDOUT: unreachable, ENETUNREACH: unreachable },
}

/** @returns A sentence or two; the general one when npm's code is none of these. */
export function explainNpm(failure: FailureLines): string {
  const hint = failure.code === null ? undefined : hints[failure.code]
  if (hint !== undefined) return hint
  if (failure.isScript) {
    return 'A script that npm ran failed; its own lines say why. Does it need a compiler?'
  }
  return defaultHint
}
