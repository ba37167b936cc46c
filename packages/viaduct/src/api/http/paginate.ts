/** Cuts a page out of a list, and says where the next one begins. */
import type { Page } from '../../contract/route.ts'

export interface PageQuery {
  readonly limit?: number
  readonly after?: string
}

/**
 * @param items In the order of `page`. An item that is gone meanwhile is no matter: what would come
 *   after it does.
 * @returns The items, and the key of the last one when there are more.
 */
export function paginate(
  items: readonly object[],
  page: Page,
  { limit = Infinity, after }: PageQuery,
): { items: readonly object[]; next: string | null } {
  const rest =
    after === undefined ? items : items.filter((item) => isAfter(keyOf(item, page), after, page))
  const found = rest.slice(0, limit)
  const last = found.at(-1)
  return { items: found, next: last && rest.length > limit ? String(keyOf(last, page)) : null }
}

function keyOf(item: object, { key }: Page): string | number {
  const value: unknown = (item as Readonly<Record<string, unknown>>)[key]
  return typeof value === 'number' ? value : String(value)
}

function isAfter(key: string | number, after: string, { order }: Page): boolean {
  const mark = typeof key === 'number' ? Number(after) : after
  return order === 'ascending' ? key > mark : key < mark
}

/** `Link` of RFC 8288. @param url Path and query of the request. */
export function renderNextLink(url: string, next: string): string {
  const [path = '/', query = ''] = url.split('?')
  const search = new URLSearchParams(query)
  search.set('after', next)
  return `<${path}?${search.toString()}>; rel="next"`
}
