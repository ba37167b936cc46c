/** Refuses what a tree says of users: its code does not choose who it is on a server. */
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'

type Users = Pick<Manifest, 'user' | 'group'>

/**
 * @param told What the API was told, which was looked at when the app was made.
 * @throws {AppError} `bad-manifest`: to run as another user than asked for would be worse.
 */
export function checkUser(manifest: Users, told: Users): void {
  for (const field of ['user', 'group'] as const) {
    const wanted = manifest[field]
    if (wanted === undefined || wanted === told[field]) continue
    const message = `"${field}" asks for ${JSON.stringify(wanted)}, which a tree cannot do`
    throw new AppError('bad-manifest', message, {
      hint: `Leave out "${field}", or say it when the app is made: POST /applications.`,
      data: { field },
    })
  }
}
