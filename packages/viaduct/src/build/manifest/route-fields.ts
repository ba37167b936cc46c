/**
 * The fields that say where an app answers: `domain`, a host pattern, or one with a path, or a list
 * of both; `port`, one of its own; and `static`, the folders whose files are served.
 */
import { AppError } from '../../model/app-error.ts'
import { hostRegexpsPerAppMax, routesPerAppMax, staticFoldersMax } from '../../model/limits.ts'
import type { ManifestRoute } from '../../model/manifest.ts'
import {
  type DirectMode,
  type OwnPort,
  parseOwnPort,
  type WrittenPort,
} from '../../model/routing/own-port.ts'
import {
  parseHostPattern,
  parseRouteMatch,
  type WrittenRoute,
} from '../../model/routing/route-match.ts'
import {
  byType,
  described,
  type Field,
  integer,
  object,
  oneOf,
  oneOrMore,
  parsed,
  text,
  truth,
} from './field.ts'

const domainMaxChars = 300

const host = parsed(text('a host name', { maxLength: domainMaxChars }), parseHostPattern)

const written = object<WrittenRoute>({
  host: described(host, 'As a domain; default "*", any.'),
  path: described(text('text', { maxLength: domainMaxChars }), 'A prefix of whole segments.', {
    default: '/',
  }),
  strip: described(truth, 'The app sees the path without it.', { default: false }),
})

const domain = byType<string | ManifestRoute>(
  'a host name such as "www.example.org", or { "host": …, "path": … }',
  {
    string: host,
    object: parsed(written, (value) => {
      const { host, path, stripPath } = parseRouteMatch(value)
      return { host, path, strip: stripPath }
    }),
  },
)

/** One, or a list. */
export const domains: Field<readonly (string | ManifestRoute)[]> = parsed(
  oneOrMore(domain, routesPerAppMax),
  (all) => {
    const hosts = all.map((one) => (typeof one === 'string' ? one : one.host))
    if (hosts.filter((host) => host.startsWith('~')).length <= hostRegexpsPerAppMax) return all
    throw new AppError('bad-route', `At most ${hostRegexpsPerAppMax} may be regular expressions`)
  },
)

const portNumber = integer(1, 65_535)

const direct = byType<DirectMode | null>('true, false, "node" or "listen-fds"', {
  boolean: parsed(truth, (isDirect) => (isDirect ? 'node' : null)),
  string: oneOf('node', 'listen-fds'),
  null: { schema: { type: 'null' }, read: () => null },
})

/** A number, or an object with more. */
export const ownPort: Field<OwnPort> = byType<OwnPort>(
  'a whole number from 1 to 65535, or { "number": …, "direct": … }',
  {
    number: parsed(portNumber, (number) => ({ number, direct: null })),
    object: parsed(
      object<WrittenPort>(
        {
          number: portNumber,
          direct: described(
            direct,
            "The app accepts there itself: by Node.js, or by systemd's protocol.",
          ),
          tls: described(truth, 'The proxies speak TLS there.', { default: false }),
        },
        ['number'],
      ),
      parseOwnPort,
    ),
  },
)

/** Relative, and below where it starts: no part is "." or "..", but for "./" in front. */
const folderPattern =
  '^(?:\\./)?(?:(?!\\.\\.?(?:/|$))[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]+(?:/|$))+$'
const folderMaxChars = 255

const folder = text('a folder of the release such as "public"', {
  maxLength: folderMaxChars,
  pattern: folderPattern,
})

/** One, or a list. */
export const folders: Field<readonly string[]> = oneOrMore(folder, staticFoldersMax)

/** As `static` takes it. */
export function isFolder(value: string): boolean {
  return value.length <= folderMaxChars && new RegExp(folderPattern, 'u').test(value)
}
