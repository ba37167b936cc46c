/**
 * Every setting as data: its flag, variable, file keys, range, default and help. The options of
 * `viaduct up`, the checks and the docs are made from this table.
 */
import * as limits from '../model/limits.ts'
import type { Machine } from './describe-machine.ts'
import type { Settings } from './settings.ts'

/** What a value may be; `parse-setting.ts` has the code for each. */
export type SettingType =
  | {
      readonly kind: 'integer' | 'ms' | 'bytes'
      readonly min: number
      readonly max: number
      /** null is a value too. */
      readonly nullable?: boolean
    }
  | { readonly kind: 'path'; readonly nullable?: boolean }
  | { readonly kind: 'address' | 'host-name' | 'token' | 'email' | 'https-url' }
  /** Addresses and networks: text with commas, or an array; kept as text with commas. */
  | { readonly kind: 'networks' }
  /** Names of users, in the same way. */
  | { readonly kind: 'users' }
  | { readonly kind: 'choice'; readonly of: readonly string[] }

export interface SettingRow<K extends keyof Settings = keyof Settings> {
  /** Name in `Settings` and in the file. */
  readonly key: K
  /** null: not on the command line, where every user of the machine could read it. */
  readonly flag: string | null
  /** Placeholder in the help. */
  readonly argument: string
  readonly variable: string
  /** Other names in the file: those of trajan, the seed. */
  readonly aliases: readonly string[]
  readonly type: SettingType
  readonly fallback: (machine: Machine) => Settings[K]
  /** Shown instead of the value of `fallback`, which differs from machine to machine. */
  readonly fallbackText?: string
  readonly help: string
}

const port = { kind: 'integer', min: 0, max: 65_535 } as const
const day = 86_400_000
const maxBytes = 2 ** 40

function row<K extends keyof Settings>(
  key: K,
  facts: Pick<SettingRow<K>, 'type' | 'argument' | 'fallback' | 'help'> & Partial<SettingRow<K>>,
): SettingRow {
  const words = key.replace(/[A-Z]/g, (letter) => `_${letter}`)
  const whole: SettingRow<K> = {
    key,
    flag: `--${words.replaceAll('_', '-').toLowerCase()}`,
    variable: `VIADUCT_${words.toUpperCase()}`,
    aliases: [],
    ...facts,
  }
  // A row of one key is a row of some key; TypeScript cannot see it through `fallback`.
  return whole
}

/** In the order of the help. */
export const settingTable: readonly SettingRow[] = [
  row('dataDir', {
    flag: '--data',
    variable: 'VIADUCT_DATA',
    argument: 'DIR',
    type: { kind: 'path' },
    fallback: (machine) => machine.dataDir,
    fallbackText: './.viaduct in a clone, /var/lib/viaduct as root, else ~/.local/state/viaduct',
    help: 'where everything is kept',
  }),
  row('host', {
    argument: 'ADDR',
    type: { kind: 'address' },
    fallback: (machine) => (machine.hasIpv6 ? '::' : '0.0.0.0'),
    fallbackText: 'all addresses',
    help: 'address that the apps are served at',
  }),
  row('httpPort', {
    argument: 'PORT',
    aliases: ['proxy_port'],
    type: port,
    fallback: () => 8080,
    help: 'port that the apps are served at; 0 takes a free one',
  }),
  row('httpsPort', {
    argument: 'PORT',
    type: { ...port, nullable: true },
    fallback: () => null,
    fallbackText: 'none',
    help: 'port that the apps are served at over TLS, with HTTP/2',
  }),
  row('apiHost', {
    argument: 'ADDR',
    type: { kind: 'address' },
    fallback: () => '127.0.0.1',
    help: 'address of the API',
  }),
  row('apiPort', {
    argument: 'PORT',
    aliases: ['deploy_port'],
    type: port,
    fallback: () => 8700,
    help: 'port of the API; 0 takes a free one',
  }),
  row('domain', {
    argument: 'NAME',
    type: { kind: 'host-name' },
    fallback: () => null,
    fallbackText: 'none',
    help: 'apps answer at APP.NAME too',
  }),
  row('apiDomain', {
    argument: 'NAME',
    type: { kind: 'host-name' },
    fallback: () => null,
    fallbackText: 'none',
    help: 'serve the API at this host name too, through the proxies',
  }),
  row('apiHttp', {
    argument: 'refuse|allow',
    type: { kind: 'choice', of: ['refuse', 'allow'] },
    fallback: () => 'refuse',
    help: 'tokens over plain HTTP from other machines, at the API domain',
  }),
  row('xApp', {
    argument: 'on|off',
    type: { kind: 'choice', of: ['on', 'off'] },
    fallback: () => 'off',
    help: 'whether X-App: APP in a request says which app it is for',
  }),
  row('trustedProxies', {
    argument: 'NETWORKS',
    type: { kind: 'networks' },
    fallback: () => '',
    fallbackText: 'none',
    help: 'proxies in front whose X-Forwarded-* are believed, such as 10.0.0.0/8,192.0.2.7',
  }),
  row('allowedUsers', {
    argument: 'USERS',
    type: { kind: 'users' },
    fallback: () => '',
    fallbackText: 'none',
    help: 'users of this machine that the manifest of an app may ask for, such as www-data,ftp',
  }),
  row('proxyProtocol', {
    argument: 'on|off',
    type: { kind: 'choice', of: ['on', 'off'] },
    fallback: () => 'off',
    help: 'whether connections of the trusted proxies begin with a PROXY header',
  }),
  row('authToken', {
    flag: null,
    argument: 'TOKEN',
    aliases: ['auth_token'],
    type: { kind: 'token' },
    fallback: () => null,
    fallbackText: 'a random one is made',
    help: 'admin token of the first start',
  }),
  row('proxies', {
    argument: 'N',
    type: { kind: 'integer', min: 1, max: 64 },
    fallback: (machine) => Math.min(machine.cores, 64),
    fallbackText: 'one per core',
    help: 'proxy processes',
  }),
  row('configDirectory', {
    argument: 'DIR',
    type: { kind: 'path', nullable: true },
    fallback: () => null,
    fallbackText: 'none',
    help: 'directory whose *.json are apps; it is watched',
  }),
  row('webCount', {
    argument: 'N',
    aliases: ['dyno_count'],
    type: { kind: 'integer', min: 0, max: limits.instancesPerTypeMax },
    fallback: () => 1,
    help: 'web instances of an app that does not say how many',
  }),
  row('releasesKept', {
    argument: 'N',
    type: { kind: 'integer', min: 1, max: 1_000 },
    fallback: () => limits.releasesKept,
    help: 'releases per app that stay on disk',
  }),
  row('warmReleases', {
    argument: 'N',
    type: { kind: 'integer', min: 0, max: 5 },
    fallback: () => limits.warmReleases,
    help: 'old releases per app that run on, to be swapped back at once',
  }),
  row('warmMs', {
    argument: 'TIME',
    type: { kind: 'ms', min: 0, max: 7 * day },
    fallback: () => limits.warmMs,
    help: 'how long they do',
  }),
  row('holdTimeoutMs', {
    argument: 'TIME',
    type: { kind: 'ms', min: 0, max: 600_000 },
    fallback: () => limits.holdTimeoutMs,
    help: 'how long a request waits for an instance that is expected',
  }),
  row('holdMaxRequests', {
    argument: 'N',
    type: { kind: 'integer', min: 0, max: 100_000 },
    fallback: () => limits.holdMaxRequests,
    help: 'how many requests wait, per app and proxy',
  }),
  row('logFileMaxBytes', {
    argument: 'SIZE',
    type: { kind: 'bytes', min: 64 * 1024, max: maxBytes },
    fallback: () => limits.logFileMaxBytes,
    help: 'size at which a log file is rotated',
  }),
  row('logFilesKept', {
    argument: 'N',
    type: { kind: 'integer', min: 0, max: limits.logFilesMax },
    fallback: () => limits.logFilesKept,
    help: 'rotated log files that are kept, per release',
  }),
  row('accessLogAgent', {
    argument: 'on|off',
    type: { kind: 'choice', of: ['on', 'off'] },
    fallback: () => 'off',
    help: 'whether the access log has the user agent and referer of requests',
  }),
  row('uploadMaxBytes', {
    argument: 'SIZE',
    type: { kind: 'bytes', min: 1024, max: maxBytes },
    fallback: () => limits.uploadMaxBytes,
    help: 'largest upload, compressed',
  }),
  row('unpackedMaxBytes', {
    argument: 'SIZE',
    type: { kind: 'bytes', min: 1024, max: maxBytes },
    fallback: () => limits.unpackedMaxBytes,
    help: 'largest upload, unpacked',
  }),
  row('unpackedMaxEntries', {
    argument: 'N',
    type: { kind: 'integer', min: 1, max: 10_000_000 },
    fallback: () => limits.unpackedMaxEntries,
    help: 'most files and folders in an upload',
  }),
  row('instancePortMin', {
    argument: 'PORT',
    type: { kind: 'integer', min: 1024, max: 65_535 },
    fallback: () => limits.instancePortMin,
    help: 'first port that instances get',
  }),
  row('instancePortMax', {
    argument: 'PORT',
    type: { kind: 'integer', min: 1024, max: 65_535 },
    fallback: () => limits.instancePortMax,
    help: 'last port that instances get',
  }),
  row('acmeEmail', {
    argument: 'ADDRESS',
    type: { kind: 'email' },
    fallback: () => null,
    fallbackText: 'none, no certificates are ordered',
    help: "order certificates for the apps' domains, and agree to the authority's terms",
  }),
  row('acmeDirectoryUrl', {
    argument: 'URL',
    type: { kind: 'https-url' },
    fallback: () => 'https://acme-v02.api.letsencrypt.org/directory',
    fallbackText: "Let's Encrypt",
    help: 'certificate authority that they are ordered from, by ACME',
  }),
  row('acmeCaFile', {
    argument: 'FILE',
    type: { kind: 'path', nullable: true },
    fallback: () => null,
    fallbackText: 'those of Node.js',
    help: 'PEM of the root that this authority is itself known by, when it is a private one',
  }),
  row('acmeEabKeyId', {
    argument: 'ID',
    type: { kind: 'token' },
    fallback: () => null,
    fallbackText: 'none',
    help: 'account at the authority that ours belongs to; its key is VIADUCT_ACME_EAB_KEY',
  }),
  row('acmeEabKey', {
    flag: null,
    argument: 'KEY',
    type: { kind: 'token' },
    fallback: () => null,
    fallbackText: 'none',
    help: 'key of that account, base64url',
  }),
  row('tlsMinVersion', {
    argument: 'VERSION',
    type: { kind: 'choice', of: ['TLSv1.2', 'TLSv1.3'] },
    fallback: () => 'TLSv1.2',
    help: 'least version of TLS that clients must speak',
  }),
  row('unknownName', {
    argument: 'WHAT',
    type: { kind: 'choice', of: ['default', 'refuse'] },
    fallback: () => 'default',
    help: 'what a TLS client gets whose host has no certificate: a default one, or nothing',
  }),
  row('logLevel', {
    argument: 'LEVEL',
    type: { kind: 'choice', of: ['debug', 'info', 'warn', 'error'] },
    fallback: () => 'info',
    help: "how much the platform's own logs say",
  }),
]

/** Keys of trajan's file that have nothing to set here, and what to do instead. */
export const unusedKeys: Readonly<Record<string, string>> = {
  temp_dir: 'uploads are kept in the data directory until they are built',
  env: 'set the variables of an app with "viaduct config set --app APP KEY=VALUE"',
}
