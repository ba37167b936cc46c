/** Which Python an app asks for: .python-version, else runtime.txt, else pyproject.toml. */
import { AppError } from '../../../model/app-error.ts'
import { readAppFile } from '../../read-app-file.ts'
import { parseRange, type Range } from '../../tools/version-range.ts'

export interface PythonWish {
  /** As it is written: `3.11.4`, `>=3.9,<4`. */
  readonly written: string
  readonly range: Range
  readonly askedBy: string
}

/**
 * A whole version counts up to its minor number: `3.11.4` is any 3.11.
 *
 * @param requiresPython Of pyproject.toml.
 * @returns null when it does not say: the system's own will do.
 * @throws {AppError} `bad-manifest`: what is asked for is no version of Python.
 */
export async function readPythonWish(
  tree: string,
  requiresPython: string | null,
): Promise<PythonWish | null> {
  const [pinned] = linesOf(await readAppFile(tree, '.python-version'))
  if (pinned !== undefined) return wishOf(pinned, '.python-version')
  const runtime = linesOf(await readAppFile(tree, 'runtime.txt')).find((line) => {
    return line.startsWith('python-')
  })
  if (runtime !== undefined) return wishOf(runtime.slice('python-'.length), 'runtime.txt')
  if (requiresPython === null) return null
  return wishOf(requiresPython, 'requires-python of pyproject.toml')
}

function wishOf(written: string, askedBy: string): PythonWish {
  const range = parseRange(asNpm(written))
  if (range) return { written, range, askedBy }
  const came = JSON.stringify(written.slice(0, 80))
  throw new AppError('bad-manifest', `${askedBy} asks for Python ${came}, but wants a version`, {
    hint: 'Write it as "3.11"; in pyproject.toml also as ">=3.9,<4".',
  })
}

/** The words of Python's versions in npm's: `>=3.9, !=3.9.7, ==3.*` is `>=3.9 3`. */
function asNpm(written: string): string {
  const parts = written.split(',').map((each) => each.trim().replaceAll(/\s+/g, ''))
  return parts
    .filter((part) => !part.startsWith('!='))
    .map((part) => {
      if (/^\d+\.\d+\.\d+$/.test(part)) return part.replace(/\.\d+$/, '')
      if (/^~=\d+\.\d+$/.test(part)) return part.replace('~=', '^')
      return part.replace(/^===?/, '').replace('~=', '~').replace(/\.\*$/, '')
    })
    .join(' ')
}

function linesOf(text: string | null): string[] {
  const lines = (text ?? '').split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}
