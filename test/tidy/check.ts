/**
 * What a check of the tidy test is: a pure function over file texts, and the violations that are
 * planted to see that it sees them.
 */
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface SourceFile {
  /** From the repository's root, with "/". */
  readonly path: string
  readonly text: string
}

export interface Check {
  /** A rule, as a sentence. */
  readonly name: string
  /** One line per violation, `path: what`. */
  find(files: readonly SourceFile[]): string[]
  /** Each of these sets of files breaks the rule. */
  readonly planted: readonly (readonly SourceFile[])[]
}

export const repositoryRoot = join(import.meta.dirname, '../..')

/** Reads what the patterns name; nothing at all is an error, for then no check means anything. */
export async function readSources(patterns: readonly string[]): Promise<SourceFile[]> {
  const paths: string[] = []
  for await (const path of glob([...patterns], { cwd: repositoryRoot })) {
    if (!/(^|\/)(node_modules|dist)\//.test(path)) paths.push(path)
  }
  if (paths.length === 0) throw new Error(`No files match ${patterns.join(', ')}`)
  return await Promise.all(
    paths.sort().map(async (path) => {
      return { path, text: await readFile(join(repositoryRoot, path), 'utf8') }
    }),
  )
}

/** Tests and what only tests use may be long and plain. */
export function isTest(path: string): boolean {
  return /\.(test|suite)\.ts$/.test(path)
}

/** A planted file; a header comes with it, so that it breaks one rule only. */
export function plant(path: string, ...lines: string[]): SourceFile[] {
  return [{ path, text: ['/**', ' * Planted.', ' */', ...lines, ''].join('\n') }]
}

/** Applies `find` to each file alone. */
export function perFile(find: (file: SourceFile) => string[]): Check['find'] {
  return (files) => files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`))
}
