/** Refuses what a manifest says of users: nobody may choose who he is on this machine. */
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'

/** @throws {AppError} `bad-manifest`: to run as another user than asked for would be worse. */
export function checkUser(manifest: Pick<Manifest, 'user' | 'group'>): void {
  for (const field of ['user', 'group'] as const) {
    const wanted = manifest[field]
    if (wanted === undefined) continue
    const message = `"${field}" asks for ${JSON.stringify(wanted)}, which nobody may be here`
    throw new AppError('bad-manifest', message, {
      hint: `Leave out "${field}": under root each app has a user and a group of its own.`,
      data: { field },
    })
  }
}
