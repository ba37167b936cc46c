/**
 * Who an app runs as when the API says so: a user of this machine that its owner allows
 * (`allowedUsers`). It is settled when the app is made and never changes: all that the app has on
 * disk is that user's.
 */
import { readFile } from 'node:fs/promises'
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { Account, App } from '../../model/release.ts'
import type { Settings } from '../../settings/settings.ts'

type Wanted = { readonly [K in 'user' | 'group']?: Manifest[K] | undefined }

/**
 * @returns null: a user of the app's own.
 * @throws {AppError} `bad-manifest` with `data.field`: not root, not allowed, unknown, or uid 0.
 */
export async function resolveAccount(
  { user, group }: Wanted,
  {
    allowedUsers,
    isRoot = process.getuid?.() === 0,
  }: Pick<Settings, 'allowedUsers'> & { readonly isRoot?: boolean },
): Promise<{ uid: number; account: Account } | null> {
  if (user === undefined && group === undefined) return null
  if (user === undefined) throw refuse({ group }, 'goes with "user" only')
  if (!isRoot) throw refuse({ user }, 'needs a platform that is root')
  if (!allowedUsers.split(',').includes(user)) {
    throw refuse({ user }, 'is not among the users that this server allows', {
      hint: `Its owner allows it with --allowed-users ${user}.`,
    })
  }
  const [, , uid, primary] = await findLine('/etc/passwd', user)
  if (uid === undefined) throw refuse({ user }, 'is no user of this server')
  const groups = await readLines('/etc/group')
  const wanted = groups.find(([name, , id]) => (group ? name === group : id === primary))
  const [name = '', , gid, members = ''] = wanted ?? []
  if (gid === undefined) throw refuse({ group }, 'is no group of this server')
  if (gid !== primary && !members.split(',').includes(user)) {
    throw refuse({ group }, `is no group of ${user}`)
  }
  if (Number(uid) === 0) throw refuse({ user }, 'is root: nothing runs as root')
  if (Number(gid) === 0) throw refuse({ group: name }, 'is the group of root')
  return { uid: Number(uid), account: { user, group: name, gid: Number(gid) } }
}

/** @throws {AppError} `bad-manifest`: the manifest asks for another one than the app has. */
export function checkAccountKept({ name, account }: App, wanted: Wanted): void {
  for (const field of ['user', 'group'] as const) {
    if (wanted[field] === undefined || wanted[field] === account?.[field]) continue
    throw refuse({ [field]: wanted[field] }, `comes too late: ${name} keeps the ${field} it has`, {
      hint: 'Destroy the app and make it anew: what it has on disk belongs to its user.',
    })
  }
}

async function findLine(file: string, name: string): Promise<readonly string[]> {
  return (await readLines(file)).find(([first]) => first === name) ?? []
}

async function readLines(file: string): Promise<readonly (readonly string[])[]> {
  return (await readFile(file, 'utf8')).split('\n').map((line) => line.split(':'))
}

/** @param asked The one field that is wrong. */
function refuse(asked: Wanted, why: string, options: { hint?: string } = {}): AppError {
  const [field = '', value = ''] = Object.entries(asked)[0] ?? []
  const hint = `Leave out "${field}": under root each app has a user and a group of its own.`
  const message = `"${field}": ${JSON.stringify(value)} ${why}`
  return new AppError('bad-manifest', message, { hint, ...options, data: { field } })
}
