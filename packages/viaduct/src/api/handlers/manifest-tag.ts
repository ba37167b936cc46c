/**
 * The ETag of an app: of its manifest, which is what `PUT` replaces. What it runs at the moment
 * changes by itself, and nobody could ever meet a tag of that.
 */
import { createHash } from 'node:crypto'
import type { App } from '../../model/release.ts'

/** A record is never changed in place, so a tag is made once. */
const tags = new WeakMap<object, string>()
const nothingTold = {}

export function renderTag({ manifest = nothingTold }: Pick<App, 'manifest'>): string {
  const tag = tags.get(manifest) ?? makeTag(manifest)
  tags.set(manifest, tag)
  return tag
}

function makeTag(manifest: object): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(sorted(manifest)))
    .digest('hex')
  return `"${hash.slice(0, 32)}"`
}

/** Reads `If-Match`. @returns Whether an app's manifest is one of those that it names. */
export function readIfMatch(header: string | undefined): ((app: App) => boolean) | undefined {
  if (header === undefined) return undefined
  const tags = header.split(',').map((tag) => tag.trim())
  return (app) => tags.includes('*') || tags.includes(renderTag(app))
}

/** The same manifest has the same text, in whatever order it was written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, one]) => [key, sorted(one)])
}
