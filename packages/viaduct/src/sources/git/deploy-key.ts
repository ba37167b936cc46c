/**
 * The key that an app reads a private repository with: an ed25519 pair of its own, made at the
 * first need. The private half is the app user's, as its clone is; whoever has it can read what the
 * app is made of, and nothing else.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmod, lchown, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileDurably } from '../../durable/write-file-durably.ts'
import { systemCodeOf } from '../../model/app-error.ts'

/**
 * The public half, as a line of `authorized_keys`.
 *
 * @param path Of the private half; the public one is beside it, as `.pub`.
 * @param options.comment Ends the line: one word.
 * @param options.owner Who may read the private half; null: the platform's own user.
 */
export async function ensureDeployKey(
  path: string,
  options: { comment: string; owner: { readonly uid: number; readonly gid: number } | null },
): Promise<string> {
  const there = await readIfThere(`${path}.pub`)
  if (there !== null) return there.trim()
  const pair = makeKey(options.comment)
  const { owner } = options
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await chmod(dirname(path), 0o711)
  await writeFileDurably(path, pair.privateKey, { mode: 0o600 })
  if (owner) await lchown(path, owner.uid, owner.gid)
  // The public half last: where it is, the private one is complete.
  await writeFileDurably(`${path}.pub`, `${pair.publicKey}\n`, { mode: 0o644 })
  return pair.publicKey
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

/**
 * A new pair in the formats of OpenSSH, which does not read those of Node.js for this kind.
 *
 * @see PROTOCOL.key of OpenSSH; RFC 8709 §4
 */
export function makeKey(comment: string): { privateKey: string; publicKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const open = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
  const type = 'ssh-ed25519'
  const blob = Buffer.concat([field(type), field(open)])
  const check = randomBytes(4)
  const body = [check, check, blob, field(Buffer.concat([secret, open])), field(comment)]
  const file = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), field('none'), field('none'), field('')],
    ...[number(1), field(blob), field(pad(Buffer.concat(body)))],
  ])
  const lines = file.toString('base64').match(/.{1,70}/g) ?? []
  const edge = (word: string): string => `-----${word} OPENSSH PRIVATE KEY-----`
  return {
    privateKey: [edge('BEGIN'), ...lines, edge('END'), ''].join('\n'),
    publicKey: `${type} ${blob.toString('base64')} ${comment}`,
  }
}

/** With its length before it. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([number(bytes.length), bytes])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** To a multiple of 8 with 1, 2, 3 … */
function pad(bytes: Buffer): Buffer {
  const missing = (8 - (bytes.length % 8)) % 8
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, at) => at + 1))])
}
