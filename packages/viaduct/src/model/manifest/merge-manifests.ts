/** Puts manifests of several sources together: the server's, viaduct.json, app.json. Pure. */
import type { Manifest } from '../manifest.ts'

/** Keys whose values are merged entry by entry; of all others the stronger is taken whole. */
const mergedKeys = ['env', 'scale', 'overlap', 'timeouts', 'limits', 'http'] as const

/** Key by key the stronger one's, else the weaker one's. */
export function mergeManifests(weaker: Manifest, stronger: Partial<Manifest>): Manifest {
  const both = mergedKeys.flatMap((key) => {
    const [weak, strong] = [weaker[key], stronger[key]]
    return weak && strong ? [[key, { ...weak, ...strong }] as const] : []
  })
  return { ...weaker, ...stronger, ...Object.fromEntries(both), version: 1 }
}
