/**
 * Ranges of versions as package.json has them (`^20.1`, `>=18 <21 || 22.x`): npm's rules, without
 * pre-releases, which are never chosen. Pure.
 */

/** Major, minor, patch. */
export type Version = readonly [number, number, number]

/** Versions from `from` on and below `below`; null: no bound. */
interface Span {
  readonly from: Version
  readonly below: Version | null
}

/** Alternatives, each of which wants all of its spans. Empty: nothing satisfies it. */
export type Range = readonly (readonly Span[])[]

/** More than anybody writes; a hostile one must not take long. */
const rangeMaxCharacters = 256

const part = String.raw`(0|[1-9]\d{0,8}|[xX*])`
const partial = String.raw`[v=\s]*${part}(?:\.${part}(?:\.${part}(?:[-+][\w.+-]*)?)?)?`
const comparator = new RegExp(String.raw`^(\^|~>?|>=|<=|>|<|)${partial}$`)
const exact = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/

/** @returns null for what is no range. */
export function parseRange(text: string): Range | null {
  if (text.length > rangeMaxCharacters) return null
  const alternatives = text.split('||').map(parseAlternative)
  const known = alternatives.filter((spans) => spans !== null)
  return known.length === alternatives.length ? known : null
}

/** @param version As in `1.2.3`; a pre-release satisfies nothing. */
export function satisfies(version: string, range: Range): boolean {
  const parsed = parseVersion(version)
  return parsed !== null && range.some((spans) => spans.every((span) => contains(span, parsed)))
}

/** @returns The newest of `versions` that is in the range; null when none is. */
export function newestIn(versions: readonly string[], range: Range): string | null {
  const fitting = versions.filter((version) => satisfies(version, range))
  return fitting.toSorted(compareVersions).at(-1) ?? null
}

/** For sorting; what is no version comes first. */
export function compareVersions(a: string, b: string): number {
  return compare(parseVersion(a) ?? [-1, 0, 0], parseVersion(b) ?? [-1, 0, 0])
}

function parseVersion(text: string): Version | null {
  const [, major, minor, patch] = exact.exec(text) ?? []
  return major === undefined ? null : [Number(major), Number(minor), Number(patch)]
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

function contains({ from, below }: Span, version: Version): boolean {
  return compare(version, from) >= 0 && (below === null || compare(version, below) < 0)
}

function parseAlternative(text: string): readonly Span[] | null {
  const hyphen = /^\s*(\S+)\s+-\s+(\S+)\s*$/.exec(text)
  const words = hyphen
    ? [`>=${hyphen[1]}`, `<=${hyphen[2]}`]
    : text
        .trim()
        .replaceAll(/(\^|~>?|>=|<=|>|<|=)\s+/g, '$1')
        .split(/\s+/)
  const spans = words.map((word) => (word === '' ? anything : parseComparator(word)))
  const known = spans.filter((span) => span !== null)
  return known.length === spans.length ? known : null
}

const anything: Span = { from: [0, 0, 0], below: null }
const nothing: Span = { from: [0, 0, 0], below: [0, 0, 0] }

function parseComparator(word: string): Span | null {
  const match = comparator.exec(word)
  if (!match) return null
  const [, operator = '', ...parts] = match
  const numbers = parts.map((one) => (one === undefined || /[xX*]/.test(one) ? null : Number(one)))
  const [major = null, minor = null, patch = null] = numbers
  if (major === null) return operator === '<' || operator === '>' ? nothing : anything
  const from: Version = [major, minor ?? 0, minor === null ? 0 : (patch ?? 0)]
  const next = afterPartial(major, minor, patch)
  if (operator === '>=') return { from, below: null }
  if (operator === '<') return { from: [0, 0, 0], below: from }
  if (operator === '>') return { from: next, below: null }
  if (operator === '<=') return { from: [0, 0, 0], below: next }
  if (operator === '^') return { from, below: afterCaret(major, minor, patch) }
  if (operator.startsWith('~')) return { from, below: afterPartial(major, minor, null) }
  return { from, below: next }
}

/** The first version above all that `1`, `1.2` or `1.2.3` stands for. */
function afterPartial(major: number, minor: number | null, patch: number | null): Version {
  if (minor === null) return [major + 1, 0, 0]
  return patch === null ? [major, minor + 1, 0] : [major, minor, patch + 1]
}

/** `^` keeps the first number that is not 0. */
function afterCaret(major: number, minor: number | null, patch: number | null): Version {
  if (major > 0 || minor === null) return [major + 1, 0, 0]
  if (minor > 0 || patch === null) return [0, minor + 1, 0]
  return [0, 0, patch + 1]
}
