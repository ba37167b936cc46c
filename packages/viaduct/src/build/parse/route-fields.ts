/**
 * Reads where an app answers: `domain` of the manifest, a host pattern, or one with a path, or a
 * list of both; `port`, one of its own; and `static`, the folders whose files are served.
 */
import { AppError } from '../../model/app-error.ts'
import { hostRegexpsPerAppMax, routesPerAppMax } from '../../model/limits.ts'
import type { DirectMode, ManifestPort, ManifestRoute } from '../../model/manifest.ts'
import { parseRouteMatch } from '../../model/routing/route-match.ts'
import { integer, list, object, type Reader, text, truth, wrong } from './manifest-fields.ts'
import { badJson, type Located } from './read-json.ts'

const file = 'viaduct.json'
const anyText = text('text', () => true)
const written = object<ManifestRoute>({ host: anyText, path: anyText, strip: truth })

/** One, or a list. */
export const domains: Reader<readonly (string | ManifestRoute)[]> = (at, field) => {
  const all = at.elements ? list(domain)(at, field) : [domain(at, field)]
  if (all.length > routesPerAppMax) throw wrong(at, field, `at most ${routesPerAppMax}`)
  const regexps = all.filter((one) => (typeof one === 'string' ? one : one.host).startsWith('~'))
  if (regexps.length <= hostRegexpsPerAppMax) return all
  throw wrong(at, field, `at most ${hostRegexpsPerAppMax} regular expressions`)
}

const domain: Reader<string | ManifestRoute> = (at, field) => {
  if (typeof at.value === 'string') return readMatch(at, field, { host: at.value }).host
  if (!at.members) {
    throw wrong(at, field, 'a host name such as "www.example.org", or { "host": …, "path": … }')
  }
  const { host, path, stripPath } = readMatch(at, field, written(at, field))
  return { host, path, strip: stripPath }
}

function readMatch(at: Located, field: string, value: Partial<ManifestRoute>) {
  try {
    return parseRouteMatch(value)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const part = at.members ? `.${String(error.data['field']).replace('domain', 'host')}` : ''
    throw badJson({ file, line: at.line }, `"${field}${part}": ${error.message}`, {
      field: `${field}${part}`,
    })
  }
}

const portNumber = integer(1, 65_535)

const direct: Reader<DirectMode | null> = (at, field) => {
  const { value } = at
  if (value === false) return null
  if (value === true || value === 'node') return 'node'
  if (value === 'listen-fds') return value
  throw wrong(at, field, 'true, false, "node" or "listen-fds"')
}

const portFields = object<ManifestPort>({ number: portNumber, direct })

/** A number, or an object with more. */
export const ownPort: Reader<ManifestPort> = (at, field) => {
  if (!at.members) return { number: portNumber(at, field), direct: null }
  const { number, direct: mode = null } = portFields(at, field)
  if (number === undefined) throw wrong(at, field, 'a "number" from 1 to 65535')
  return { number, direct: mode }
}

const folder = text('a folder of the release such as "public"', isFolder)

/** One, or a list. */
export const folders: Reader<readonly string[]> = (at, field) => {
  return at.elements ? list(folder)(at, field) : [folder(at, field)]
}

/** Relative, and below where it starts. */
export function isFolder(value: string): boolean {
  const parts = value.replace(/^\.\//, '').replace(/\/$/, '').split('/')
  return value.length <= 255 && parts.every((part) => /^(?!\.\.?$)[^\p{Cc}\\]+$/u.test(part))
}
