/** Whether the process types of an app fit together, and with what was said of them. */
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { ServerManifest } from '../../model/release.ts'
import type { Detection } from '../builders/builder.ts'
import { nearest } from '../manifest/nearest.ts'
import type { Processes } from '../parse/parse-procfile.ts'

/**
 * What the API was told names types of the app; what viaduct.json says is checked with its line.
 *
 * @throws {AppError} `bad-manifest`
 */
export function checkToldTypes(told: ServerManifest, known: readonly string[]): void {
  const named = Object.entries({
    scale: Object.keys(told.scale ?? {}),
    overlap: Object.keys(told.overlap ?? {}),
    routes: told.routes ?? [],
    cron: (told.cron ?? []).flatMap(({ process }) => process ?? []),
  })
  for (const [field, types] of named) {
    const wrong = types.find((type) => !known.includes(type))
    if (wrong === undefined) continue
    const near = nearest(wrong, known)
    throw new AppError('bad-manifest', `"${field}" names no process type of the app: "${wrong}"`, {
      hint: near === null ? `There are: ${known.join(', ')}.` : `Did you mean "${near}"?`,
      data: { field: `${field}.${wrong}`, known },
    })
  }
}

/**
 * Something gets the requests.
 *
 * @throws {AppError} `no-web-process`
 */
export function checkRouted(
  processes: Processes,
  found: { manifest: Manifest; builders: readonly Detection[]; hasProcfile: boolean },
): void {
  const types = Object.keys(processes)
  // The proxies serve the files of an app that is nothing but files.
  if (types.length === 0 && found.manifest.static !== undefined) return
  // Types that the manifest names were checked with their line.
  if (found.manifest.routes !== undefined || types.includes('web')) return
  const near = nearest('web', types)
  const reasons = found.builders.flatMap(({ noWeb }) => noWeb ?? [])
  const place = found.hasProcfile
    ? `The Procfile has no "web" process (it has ${types.join(', ')})`
    : `There is no Procfile, and ${reasons.join('; ') || 'no package.json'}`
  throw new AppError('no-web-process', place, {
    ...(near !== null && { hint: `Did you mean "web" where it says "${near}"?` }),
    data: { processTypes: types, lookedFor: ['Procfile', 'package.json scripts.start'] },
  })
}
