/** Finds what is wrong with the variables of `.env` as far as it can be known from the tree. */
import { AppError } from '../../model/app-error.ts'
import type { DotenvLine } from '../../model/environment.ts'
import { defaultsOf, type Manifest } from '../../model/manifest.ts'
import { platformNames } from '../compose-environment.ts'
import type { Warning } from '../manifest/parse-app-json.ts'
import { expandDotenv } from '../parse/expand-dotenv.ts'

/** Names of the base, whose values nobody knows before a start. */
const baseNames = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'NODE_ENV']

/** Never throws: `errors` has at most one `bad-dotenv`. */
export function checkDotenv(
  lines: readonly DotenvLine[],
  { env }: Pick<Manifest, 'env'>,
): { warnings: readonly Warning[]; errors: readonly AppError[] } {
  const warnings = repeated(lines)
  const above = Object.fromEntries(platformNames.map((name) => [name, '']))
  const below = { ...Object.fromEntries(baseNames.map((name) => [name, ''])), ...defaultsOf(env) }
  try {
    expandDotenv(lines, {
      ...{ above, below },
      onMissing: ({ name, line }) => {
        const message = `$${name} has no value, so nothing stands there; "\\$" is a "$"`
        warnings.push({ file: '.env', line, message })
      },
    })
    return { warnings: warnings.toSorted((one, other) => one.line - other.line), errors: [] }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { warnings, errors: [error] }
  }
}

/** Of a key that is there twice, the last one counts: likely a mistake. */
function repeated(lines: readonly DotenvLine[]): Warning[] {
  const first = new Map<string, number>()
  return lines.flatMap(({ key, line }) => {
    const earlier = first.get(key)
    first.set(key, line)
    if (earlier === undefined) return []
    return [{ file: '.env', line, message: `"${key}" is already on line ${earlier}` }]
  })
}
