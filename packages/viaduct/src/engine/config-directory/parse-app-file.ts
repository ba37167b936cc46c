/** Reads one file of the configuration directory: a manifest, as `POST /applications` takes it. */
import { checkManifest } from '../../build/manifest/parse-manifest.ts'
import { badJson, type Located, readJson } from '../../build/parse/read-json.ts'
import { AppError } from '../../model/app-error.ts'
import { parseAppName } from '../../model/ids.ts'
import { readManifest, type ToldManifest } from '../requests/set-manifest.ts'

/**
 * Comments and trailing commas are allowed. Without a `name` the app has the file's.
 *
 * @param file Its name in the directory, such as `shop.json`.
 * @throws {AppError} `bad-manifest` with `data.file`, `data.line` and `data.field` of the first
 *   mistake, and the number of others in the hint; `bad-app-name`.
 */
export function parseAppFile(text: string, file: string): ToldManifest {
  const { errors } = checkManifest(text, { file })
  const [first, ...more] = errors
  if (first) throw more.length === 0 ? first : withCount(first, more.length)
  const root = readJson(text, { file, comments: true })
  try {
    return readManifest(root.value, nameIn(root, file))
  } catch (error) {
    throw withLine(error, root, file)
  }
}

/** null: the file says it. */
function nameIn(root: Located, file: string): ToldManifest['name'] | null {
  return root.members?.has('name') ? null : parseAppName(file.replace(/\.json$/, ''))
}

function withCount({ code, message, data }: AppError, more: number): AppError {
  const hint = more === 1 ? 'There is 1 mistake more.' : `There are ${more} mistakes more.`
  return new AppError(code, message, { hint, data })
}

/** Of a mistake that is known by its field alone. */
function withLine(error: unknown, root: Located, file: string): unknown {
  if (!(error instanceof AppError)) return error
  const field = String(error.data['field'] ?? '')
  let at = root
  for (const key of field.split('.')) at = at.members?.get(key) ?? at
  const { message, data } = badJson({ file, line: at.line }, error.message, { field })
  return new AppError(error.code, message, { hint: error.hint, data })
}
