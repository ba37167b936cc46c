/** What to do about a failure of npm, pnpm or yarn that they have a code for. Pure. */
import type { FailureLines } from '../../failure-lines.ts'
import { defaultHint } from '../../run-step.ts'

const unreachable =
  'This server does not reach the npm registry: look at its network, proxy and "npm config list".'
const missing =
  'The registry has no such package or version: check the name; a private one needs .npmrc.'
const refused = 'The registry wants a token: put one into .npmrc in the folder of the app.'

const npmHints: Readonly<Record<string, string>> = {
  EUSAGE: 'Run "npm install" in the folder: it brings the lock file up to date. Then deploy again.',
  ERESOLVE: 'Dependencies exclude each other: "npm install" in the folder shows the same.',
  ...{ E404: missing, ETARGET: missing, E401: refused, E403: refused, ENEEDAUTH: refused },
  ...{ ENOTFOUND: unreachable, EAI_AGAIN: unreachable, ECONNREFUSED: unreachable },
  ...{ ECONNRESET: unreachable, ETIMEDOUT: unreachable, ENETUNREACH: unreachable },
}

/** What the others write, and what anything does that meets a shared file. */
const lineHints: readonly (readonly [RegExp, string])[] = [
  [
    /ERR_PNPM_OUTDATED_LOCKFILE/,
    'Run "pnpm install" in the folder: it brings the lock file up to date. Then deploy again.',
  ],
  [
    /lockfile needs to be updated|\bYN0028\b/,
    'Run "yarn install" in the folder: it brings the lock file up to date. Then deploy again.',
  ],
  [
    /ERR_PNPM_(?:FETCH_404|NO_MATCHING_VERSION)|\bYN0035\b|Couldn't find (?:package|any ver)/,
    missing,
  ],
  [/\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED)\b.*(?:registry|https?:)/, unreachable],
  [
    /\b(?:EACCES|EPERM|Permission denied)\b.*node_modules/,
    'Installed packages are shared by the releases and read-only: change them in a "postinstall" ' +
      "script of package.json, which makes them the release's own.",
  ],
]

/** @returns A sentence or two; the general one when nothing is known. */
export function explainManager(failure: FailureLines): string {
  const hint = failure.code === null ? undefined : npmHints[failure.code]
  if (hint !== undefined) return hint
  const lines = failure.lines()
  const found = lineHints.find(([pattern]) => lines.some((line) => pattern.test(line)))
  if (found) return found[1]
  if (failure.isScript) {
    return 'A script that npm ran failed; its own lines say why. Does it need a compiler?'
  }
  return defaultHint
}
