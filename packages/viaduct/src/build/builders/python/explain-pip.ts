/** What to do about a failure of pip. Pure. */
import type { FailureLines } from '../../failure-lines.ts'
import { defaultHint } from '../../run-step.ts'

/** The first that matches a line counts. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /DO NOT MATCH THE HASHES|Hashes are required|--require-hashes/,
    'The hashes in requirements.txt are not those of the packages: make the file anew.',
  ],
  [
    /ResolutionImpossible|conflicting dependencies/,
    'Dependencies exclude each other: "pip install -r requirements.txt" shows the same.',
  ],
  [
    /requires a different Python|Requires-Python/,
    'A package wants another Python: ask for one in .python-version, or for an older package.',
  ],
  [
    /NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|name resolution|SSLError/,
    "This server does not reach Python's index: look at its network and proxy, or set " +
      'PIP_INDEX_URL in the config of the app.',
  ],
  [
    /No matching distribution found|Could not find a version/,
    'No index has such a package or version for this Python: check the name in requirements.txt.',
  ],
  [
    /Could not open requirements file/,
    'requirements.txt includes a file that was not uploaded: an ignore file may keep it at home.',
  ],
  [
    /Python\.h|\b(?:gcc|cc|cargo)'? failed|'(?:gcc|cc|cargo)'|Failed building wheel/,
    'A package has to be compiled: let "packages" of viaduct.json have build-essential and ' +
      'python3-dev, or take a version of it that comes compiled.',
  ],
  [
    /BackendUnavailable|not appear to be a Python project|Multiple top-level packages/,
    'pyproject.toml has a [build-system], so the app is installed as a package, which failed. ' +
      'Without [build-system] only its dependencies are.',
  ],
]

/** @returns A sentence or two; the general one when nothing is known. */
export function explainPip(failure: FailureLines): string {
  const lines = failure.lines()
  const found = hints.find(([pattern]) => lines.some((line) => pattern.test(line)))
  return found?.[1] ?? defaultHint
}
