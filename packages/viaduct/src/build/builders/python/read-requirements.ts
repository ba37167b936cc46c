/** Reads `requirements.txt` and the files that it includes, as pip does. */
import { posix } from 'node:path'
import { lockFileMaxBytes } from '../../../model/limits.ts'
import { readAppFile } from '../../read-app-file.ts'

export interface Requirements {
  /** Those that are there, `requirements.txt` first. */
  readonly files: readonly { readonly name: string; readonly text: string }[]
  /** Names of packages as Python's index compares them: `flask-cors`. */
  readonly packages: ReadonlySet<string>
  /** The same text may come to something else: it names files of the app, or a branch of git. */
  readonly isMoving: boolean
}

/** More than anybody includes; a circle ends by itself. */
const filesMax = 50

/**
 * @returns null when there is no `requirements.txt`.
 * @throws {AppError} `bad-manifest`: one is larger than `lockFileMaxBytes`, or not in the tree.
 */
export async function readRequirements(tree: string): Promise<Requirements | null> {
  const files: { name: string; text: string }[] = []
  const lines: string[] = []
  const names = new Set(['requirements.txt'])
  for (const name of names) {
    const text = await readAppFile(tree, name, lockFileMaxBytes)
    if (text === null) continue
    files.push({ name, text })
    const own = linesOf(text)
    lines.push(...own)
    for (const file of own.map(includedBy)) {
      if (file !== null && names.size < filesMax) {
        names.add(posix.join(posix.dirname(name), file))
      }
    }
  }
  if (files[0]?.name !== 'requirements.txt') return null
  const packages = lines.map(packageOf).filter((each) => each !== null)
  return { files, packages: new Set(packages), isMoving: lines.some(moves) }
}

/** Name of the package that a requirement (`Flask[async]>=3; python_version > "3"`) is about. */
export function packageOf(requirement: string): string | null {
  const name = /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?=$|[\s[(<>=!~;@,])/.exec(requirement)?.[0]
  return name?.toLowerCase().replaceAll(/[-_.]+/g, '-') ?? null
}

function linesOf(text: string): string[] {
  const joined = text.replace(/^\uFEFF/, '').replaceAll(/\\\r?\n/g, ' ')
  const lines = joined.split(/\r\n|\n|\r/).map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
  return lines.filter((line) => line !== '')
}

/** `-r base.txt`, `--constraint=pins.txt` */
function includedBy(line: string): string | null {
  const option = /^(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s*)([^\s=].*)$/.exec(line)?.[1]
  // What can be no path is pip's to refuse.
  const isPath = option !== undefined && /^[^\p{Cc}]{1,250}$/u.test(option)
  return isPath && !option.includes('://') ? option : null
}

function moves(line: string): boolean {
  if (/^(?:-r|-c|--req|--con)/.test(line)) return line.includes('://')
  if (/^(?:-e|--editable)\b/.test(line) || /\bfile:/.test(line)) return true
  if (/\b(?:git|hg|svn|bzr)\+/.test(line)) return !/@[0-9a-f]{40}\b/.test(line)
  const isPath = line.startsWith('.') || /^(?:-f|--find-links)\b/.test(line) || /\//.test(line)
  return isPath && !line.includes('://')
}
