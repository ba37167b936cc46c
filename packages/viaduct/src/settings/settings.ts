/**
 * The platform's own options, as one typed value. Where each comes from (flag, environment, file,
 * default, in this order) is `resolve-settings.ts`. The keeper writes the resolved value to
 * `run/settings.json`; daemon and proxies start from that file and read nothing else.
 */
export interface Settings {
  /** Absolute path. */
  readonly dataDir: string
  /** Absolute path. Each `*.json` in it is an app. null: there is none. */
  readonly configDirectory: string | null
  /** Address of the proxies: numeric, `::` or `0.0.0.0` for all. */
  readonly host: string
  /** Seed name `proxy_port`. 0 takes a free one; the resolved value is what was bound. */
  readonly httpPort: number
  /** Where the apps are served over TLS, at `host` too. null: nowhere; 0 takes a free one. */
  readonly httpsPort: number | null
  readonly apiHost: string
  /** Seed name `deploy_port`. 0 takes a free one. */
  readonly apiPort: number
  /** Proxy workers, 1 to 64; default: the number of cores. */
  readonly proxies: number
  /** Apps answer at `APP.NAME` too. */
  readonly domain: string | null
  /** Serve the API, through the proxies, at this host. */
  readonly apiDomain: string | null
  /** Tokens over plain HTTP from other machines, at `apiDomain`. */
  readonly apiHttp: 'refuse' | 'allow'
  /** `on`: `X-App: NAME` names the app, before any host. It is never passed on. */
  readonly xApp: 'on' | 'off'
  /** Addresses and networks, with commas between them. */
  readonly trustedProxies: string
  readonly proxyProtocol: 'on' | 'off'
  /** Users of the machine that apps may run as, with commas between them. */
  readonly allowedUsers: string
  /** Seed name `auth_token`: used instead of a generated admin token, at the first start only. */
  readonly authToken: string | null
  /** Seed name `dyno_count`: instances of `web` when neither manifest nor user says a count. */
  readonly webCount: number
  readonly releasesKept: number
  readonly warmReleases: number
  readonly warmMs: number
  readonly holdTimeoutMs: number
  readonly holdMaxRequests: number
  readonly logFileMaxBytes: number
  readonly logFilesKept: number
  /** `on`: the access log has the user agent and the referer of each request. */
  readonly accessLogAgent: 'on' | 'off'
  readonly uploadMaxBytes: number
  readonly unpackedMaxBytes: number
  readonly unpackedMaxEntries: number
  /** First port of instances and the last one. */
  readonly instancePortMin: number
  readonly instancePortMax: number
  /** Whoever gives it agrees to the terms of the certificate authority; null: none is asked. */
  readonly acmeEmail: string | null
  readonly acmeDirectoryUrl: string
  /** Absolute path. PEM of the root that the authority's own server is trusted by. */
  readonly acmeCaFile: string | null
  /** External account binding (RFC 8555 §7.3.4), both or neither; the key: a secret, base64url. */
  readonly acmeEabKeyId: string | null
  readonly acmeEabKey: string | null
  readonly tlsMinVersion: 'TLSv1.2' | 'TLSv1.3'
  /** What TLS clients get that name no host, or one without a certificate. */
  readonly unknownName: 'default' | 'refuse'
  /** `info` by default; `debug` shows each step. */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** For logs and answers. */
export function withoutSecrets(settings: Settings): Omit<Settings, 'authToken' | 'acmeEabKey'> {
  const { authToken: _, acmeEabKey: __, ...rest } = settings
  return rest
}
