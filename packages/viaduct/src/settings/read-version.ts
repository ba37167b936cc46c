/** The platform's version, from the package's own package.json. */
import { readFileSync } from 'node:fs'

/** @returns `unknown` when the package is incomplete. */
export function readVersion(): string {
  // From the source, and from the compiled file in dist/viaduct/src.
  for (const up of ['../../', '../../../../']) {
    const path = new URL(`${up}package.json`, import.meta.url)
    try {
      const value = JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string }
      if (value.name === 'viaduct' && value.version) return value.version
    } catch {
      // Not there: the other one is.
    }
  }
  return 'unknown'
}
