/** Reads a JSON file with a schema number; a newer or damaged one is an error with a hint. */
import { readFile } from 'node:fs/promises'
import { AppError, systemCodeOf } from '../model/app-error.ts'

/**
 * @param options.schema The one that is known.
 * @param options.isRight Looks at what matters of the shape.
 * @returns null when there is no such file.
 * @throws {AppError} `data-damaged`, `data-newer`
 */
export async function readPersisted<T extends object>(
  path: string,
  options: { schema: number; isRight: (value: object) => value is T },
): Promise<T | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
  const data = { file: path }
  let value: { schema?: unknown }
  try {
    value = Object(JSON.parse(text)) as typeof value
  } catch (cause) {
    throw new AppError('data-damaged', `${path} is not JSON`, { data, cause })
  }
  if (typeof value.schema === 'number' && value.schema > options.schema) {
    const message = `${path} has schema ${value.schema}, this Viaduct knows ${options.schema}`
    throw new AppError('data-newer', message, { data })
  }
  if (value.schema === options.schema && options.isRight(value)) return value
  throw new AppError('data-damaged', `${path} does not hold what it should`, { data })
}
