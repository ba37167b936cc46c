/** The options of commands that take a manifest: a file, and what is said of the repository. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { parseManifest } from '../../build/manifest/parse-manifest.ts'
import { AppError, messageOf } from '../../model/app-error.ts'
import type { SessionOptions } from '../session.ts'

export interface ManifestOptions extends SessionOptions {
  readonly manifest?: string
  readonly repo?: string
  readonly branch?: string
}

type Written = Readonly<Record<string, unknown>>

export function addManifestOptions(command: Command): Command {
  return command
    .option('--repo <url>', 'git repository that its code is fetched from: https or ssh')
    .option('--branch <name>', "branch of it (default: the repository's own)")
    .option('--manifest <file>', 'a file like viaduct.json; its keys are stronger than the tree')
}

/**
 * The manifest that the options come to.
 *
 * @param before What the options change, when they do not name a file.
 * @throws {AppError} `bad-manifest` with file and line; `bad-usage`
 */
export async function readManifestOptions(
  { manifest: file, repo: url, branch }: ManifestOptions,
  before: Written = {},
): Promise<Written> {
  const written = file === undefined ? before : await readManifestFile(file)
  const known = written['repo'] as { url?: string; branch?: string } | undefined
  if (url === undefined && branch === undefined) return written
  if (url === undefined && known?.url === undefined) {
    throw new AppError('bad-usage', '--branch says nothing without a repository', {
      hint: 'Say which with --repo URL.',
    })
  }
  // Another repository has other branches.
  const kept = url === undefined ? known : { url }
  return { ...written, repo: { ...kept, ...(branch !== undefined && { branch }) } }
}

async function readManifestFile(file: string): Promise<Written> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const message = `The file ${file} cannot be read`
    throw new AppError('bad-usage', message, { hint: messageOf(cause), cause })
  }
  return { ...parseManifest(text) }
}
