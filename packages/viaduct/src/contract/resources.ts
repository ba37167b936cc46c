/**
 * What the API answers with, as schemas: apps, releases, deploys, events, tokens. Config values are
 * only in the answer of `GET …/config`; everything else may be shown and logged.
 */
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  number,
  object,
  oneOf,
  record,
  string,
  unknown,
  type ValueOf,
} from './schema.ts'
import { scopes } from './scope.ts'

const time = integer({ description: 'Unix milliseconds' })
const facts = record(unknown('Any value'))

export const instanceSchema = named(
  'Instance',
  object({
    id: string(),
    app: string(),
    release: integer(),
    processType: string(),
    ordinal: integer({ description: 'From 1' }),
    epoch: integer(),
    port: integer(),
    pid: nullable(integer()),
    state: oneOf(['starting', 'ready', 'unready', 'draining', 'warm', 'stopping', 'exited']),
    startedAt: time,
    readyAt: nullable(time),
    exit: nullable(
      object({
        reason: oneOf(['code', 'signal', 'spawn-failed', 'stopped-by-us']),
        code: nullable(integer()),
        signal: nullable(string()),
        killed: boolean({ description: 'SIGTERM was not enough' }),
        at: time,
      }),
    ),
  }),
)

const ownPort = object({
  number: integer({ description: 'A port that leads to this app alone' }),
  direct: nullable(
    oneOf(['node', 'listen-fds'], { description: 'How the app accepts on it itself' }),
  ),
  tls: boolean({ description: 'The proxies speak TLS there' }),
})

const sourceSchema = named(
  'Source',
  object({
    kind: oneOf(['upload', 'git']),
    url: nullable(string({ description: 'Of the repository' })),
    branch: nullable(string()),
    commit: nullable(string({ description: 'null while it is not known' })),
  }),
)

/** What it may hold is `build/manifest/`'s to say: as an object with keys of any kind here. */
export const manifestSchema = named('Manifest', record(unknown('See docs/manifest.md')))

export const appSchema = named(
  'App',
  object({
    name: string(),
    status: oneOf([
      'new',
      'running',
      'scaled-to-zero',
      'deploying',
      'stopped',
      'crash-looping',
      'degraded',
    ]),
    wanted: oneOf(['running', 'stopped']),
    current: nullable(integer({ description: 'The release that serves' })),
    previous: nullable(integer({ description: 'The release that served before' })),
    commit: nullable(string()),
    source: nullable(sourceSchema),
    manifest: manifestSchema,
    deploy: nullable(string({ description: 'The deploy in progress' })),
    lastRelease: integer(),
    processes: record(string({ description: "The command's shell line" })),
    formation: record(integer({ description: 'Wanted instances' })),
    instances: array(instanceSchema),
    warm: array(integer({ description: 'Releases that can be swapped to at once' })),
    hosts: array(string({ description: 'A host name that the app answers at' })),
    urls: array(string({ description: 'The same with scheme and port, for a browser' })),
    port: nullable(ownPort),
    uid: nullable(integer({ description: "The user id of the app's processes" })),
    createdAt: time,
  }),
)

export const releaseSchema = named(
  'Release',
  object({
    app: string(),
    number: integer(),
    artifact: string({ description: 'sha256 of what was built' }),
    configKeys: array(string()),
    processes: record(string()),
    commit: nullable(string()),
    source: nullable(sourceSchema),
    description: string(),
    createdAt: time,
  }),
)

const failure = object({ code: string(), message: string(), hint: string(), data: facts })

export const deploySchema = named(
  'Deploy',
  object({
    schema: integer(),
    id: string(),
    app: string(),
    kind: oneOf(['deploy', 'rollback', 'config', 'restart', 'scale', 'start', 'stop']),
    state: oneOf([
      'queued',
      'building',
      'starting',
      'switching',
      'succeeded',
      'failed',
      'cancelled',
      'superseded',
    ]),
    release: nullable(integer()),
    from: nullable(integer()),
    source: nullable(sourceSchema),
    createdAt: time,
    finishedAt: nullable(time),
    error: nullable(failure),
  }),
)

export const appChangeSchema = named(
  'AppChange',
  object({
    app: appSchema,
    deploy: nullable(deploySchema),
  }),
)

export const deployKeySchema = named(
  'DeployKey',
  object({ publicKey: string({ description: 'A line of authorized_keys' }) }),
)

export const deployEventSchema = named(
  'DeployEvent',
  object({
    seq: integer(),
    at: time,
    app: string(),
    deploy: string(),
    type: string({ description: 'A past-tense fact, e.g. routes.switched' }),
    message: string(),
    data: facts,
  }),
)

export const configSchema = named(
  'Config',
  object({
    release: nullable(integer({ description: 'The release whose config this is' })),
    config: record(string()),
    staged: record(nullable(string({ description: 'Waits for the next release; null removes' }))),
  }),
)

export const configChangeSchema = named(
  'ConfigChange',
  object({
    deploy: nullable(deploySchema),
  }),
)

export const routeSchema = named(
  'Route',
  object({
    host: string({ description: 'A name, *.name, ~ and a regular expression, or * for any' }),
    path: string({ description: 'Prefix of whole segments; / is all' }),
    strip: boolean({ description: 'The app sees the path without it' }),
    source: oneOf(['platform', 'manifest', 'server'], { description: 'Who said so' }),
    takenBy: nullable(string({ description: 'The app that it leads to, which had it before' })),
  }),
)

export const edgeSchema = named('Routes', object({ routes: array(routeSchema) }))

const options = record(unknown('Any value'))

export const httpSchema = named('HttpOptions', object({ http: options, server: options }))

const portNow = {
  port: nullable(ownPort),
  source: nullable(oneOf(['manifest', 'server', 'config'], { description: 'config: as PORT' })),
}

export const portSchema = named('Port', object(portNow))

export const portChangeSchema = named(
  'PortChange',
  object({
    ...portNow,
    deploy: nullable(deploySchema),
  }),
)

export const maintenanceSchema = named(
  'Maintenance',
  object({
    maintenance: nullable(
      object({
        page: nullable(string({ description: "HTML; null: the platform's own" })),
        retryAfterS: integer(),
      }),
    ),
  }),
)

export const logLineSchema = named(
  'LogLine',
  object({
    at: string({ description: 'ISO 8601, UTC, with milliseconds' }),
    source: string({ description: 'The process, e.g. web.1, or the step of a build' }),
    release: nullable(integer({ description: 'null in the access log, whose text tells it' })),
    stream: string(),
    text: string(),
  }),
)

const counters = object({
  requests: integer(),
  inFlight: integer(),
  errors: record(integer({ description: 'By the reason of viaduct-error' })),
  held: integer({ description: 'Had to wait for an instance' }),
  queued: integer({ description: 'Had to wait because of a limit' }),
  waiting: integer({ description: 'Wait now' }),
  retries: integer(),
  ejections: integer(),
  ejected: integer({ description: 'Instances that get no requests now, after failures' }),
  bytesIn: integer(),
  bytesOut: integer(),
  tunnels: integer({ description: 'WebSockets and the like that are open' }),
  tunnelsOpened: integer(),
  releases: array(
    object({
      release: nullable(integer()),
      codes: array(integer({ description: 'Answers; index 1 to 5: 1xx to 5xx, 0: others' })),
    }),
  ),
  latencyMs: object({ p50: number(), p99: number(), max: number() }),
  latencyBuckets: nullable(object({ counts: array(integer()), sumMs: number() })),
})

const clientCounters = object({
  accepted: object({ plain: integer(), tls: integer() }),
  handshakes: object({ ok: integer(), failed: integer() }),
  http2: object({
    sessions: integer(),
    sessionsOpen: integer(),
    streams: integer(),
    streamsOpen: integer(),
  }),
})

export const statsSchema = named(
  'Stats',
  object({
    at: time,
    processes: array(
      object({
        name: oneOf(['keeper', 'daemon', 'proxy']),
        slot: nullable(integer()),
        pid: integer(),
        cpuSeconds: number(),
        memoryBytes: integer(),
      }),
    ),
    apps: array(
      object({
        app: string(),
        crashes: record(integer({ description: 'By process type, since the daemon started' })),
        deploys: record(integer({ description: 'By their state, since the daemon started' })),
      }),
    ),
    proxies: array(
      object({
        slot: integer(),
        pid: integer(),
        startedAt: time,
        generation: integer(),
        connections: integer(),
        clients: clientCounters,
        refused: record(integer({ description: 'Without an app; by the reason' })),
        apps: record(counters),
        upstreams: record(object({ requests: integer(), inFlight: integer() })),
      }),
    ),
    instances: array(
      object({
        id: string(),
        pid: nullable(integer()),
        processes: integer(),
        cpuPercent: number(),
        cpuSeconds: number(),
        memoryBytes: integer(),
        requests: integer(),
        inFlight: integer(),
      }),
    ),
  }),
)

const timeOrNull = nullable(integer({ description: 'Unix milliseconds' }))

export const certificateSchema = named(
  'Certificate',
  object({
    domain: string(),
    state: oneOf(['valid', 'expired', 'ordering', 'missing', 'unused'], {
      description: 'unused: ordered for a route that is gone, and not renewed',
    }),
    source: nullable(oneOf(['own', 'acme'], { description: 'Given by a user, or ordered' })),
    issuer: nullable(string()),
    names: array(string({ description: 'DNS names it is valid for' })),
    id: nullable(string({ description: 'sha256 of the certificate, hexadecimal' })),
    notBefore: timeOrNull,
    notAfter: timeOrNull,
    renewsAt: timeOrNull,
    lastError: nullable(string({ description: 'Why the last order failed' })),
    retriesAt: timeOrNull,
  }),
)

export const tokenSchema = named(
  'Token',
  object({
    id: string(),
    name: string(),
    scopes: array(oneOf(scopes)),
    apps: nullable(array(string(), { description: 'Only these; null: all there are' })),
    createdAt: time,
    revokedAt: nullable(time),
  }),
)

export const newTokenSchema = named(
  'NewToken',
  object({ token: tokenSchema, secret: string({ description: 'Shown this once' }) }),
)

export const versionSchema = named(
  'Version',
  object({ version: string(), node: string({ description: 'Node.js of the platform' }) }),
)

export const healthSchema = named('Health', object({ status: oneOf(['ok']) }))

export const problemSchema = named(
  'Problem',
  object({
    type: string(),
    title: string(),
    status: integer(),
    detail: string(),
    code: string(),
    hint: string(),
    data: facts,
    requestId: string(),
  }),
)

export type InstanceResource = ValueOf<typeof instanceSchema>
export type AppResource = ValueOf<typeof appSchema>
export type ReleaseResource = ValueOf<typeof releaseSchema>
export type DeployResource = ValueOf<typeof deploySchema>
export type DeployEventResource = ValueOf<typeof deployEventSchema>
export type EdgeResource = ValueOf<typeof edgeSchema>
export type HttpResource = ValueOf<typeof httpSchema>
export type PortResource = ValueOf<typeof portSchema>
export type MaintenanceResource = ValueOf<typeof maintenanceSchema>
export type LogLineResource = ValueOf<typeof logLineSchema>
export type StatsResource = ValueOf<typeof statsSchema>
export type CertificateResource = ValueOf<typeof certificateSchema>
export type TokenResource = ValueOf<typeof tokenSchema>
export type ProblemResource = ValueOf<typeof problemSchema>
