/**
 * The admin token in `DIR/admin-token` (mode 0600), which the command line on this machine reads.
 */
import { readFile } from 'node:fs/promises'
import { writeFileDurably } from '../../durable/write-file-durably.ts'
import { systemCodeOf } from '../../model/app-error.ts'
import { makeSecret, type TokenBook } from './token-book.ts'

/**
 * Makes sure that the file is there and that somebody is admin.
 *
 * - first start: a new token, or `options.authToken` (the seed's `auth_token`);
 * - the file's token is not in the store (a crash between the two, a store that was replaced): it
 *   is taken over, for whoever can write there owns the platform anyway;
 * - the file is gone: a new one; the old one stays good until it is revoked;
 * - it was revoked: a new one only when there is no other admin, so that nobody is locked out.
 *
 * @throws {Error} System errors of the file, e.g. EACCES.
 */
export async function ensureAdminToken(options: {
  readonly book: TokenBook
  readonly path: string
  readonly authToken: string | null
}): Promise<void> {
  const { book, path } = options
  const inFile = await readToken(path)
  if (inFile !== null && book.knows(inFile)) {
    const hasAdmin = book.list().some((row) => row.revokedAt === null && isAdmin(row))
    if (hasAdmin) return
  }
  const isFirst = book.list().length === 0
  const unknownInFile = inFile !== null && !book.knows(inFile)
  const secret = unknownInFile ? inFile : ((isFirst ? options.authToken : null) ?? makeSecret())
  if (!unknownInFile) await writeFileDurably(path, `${secret}\n`, { mode: 0o600 })
  await book.create({ name: 'admin-token', scopes: ['admin'], secret })
}

function isAdmin(token: { readonly scopes: readonly string[] }): boolean {
  return token.scopes.includes('admin')
}

async function readToken(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim() || null
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}
