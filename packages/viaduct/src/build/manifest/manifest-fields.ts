/**
 * Every key of the manifest, declared once: how it is read, its JSON Schema, and what editors and
 * docs/manifest.md say of it. What the keys mean in the code is `model/manifest.ts`.
 */
import {
  drainTimeoutMs,
  healthTimeoutMs,
  installCommandsMax,
  instancesPerTypeMax,
  minUptimeMs,
  placementNodesMax,
  processTypesMax,
  readyTimeoutMs,
  stopTimeoutMs,
  warmMs,
  warmReleases,
} from '../../model/limits.ts'
import {
  builderNames,
  type HealthCheck,
  type Manifest,
  type Placement,
  type ResourceLimits,
  type Timeouts,
  type WarmPolicy,
} from '../../model/manifest.ts'
import { cron } from './cron-fields.ts'
import { env } from './env-fields.ts'
import {
  described,
  type Field,
  integer,
  list,
  object,
  oneOf,
  record,
  text,
  truth,
} from './field.ts'
import { httpOptions } from './http-fields.ts'
import { appName, byProcessType, command, processType } from './name-fields.ts'
import { domains, folders, ownPort } from './route-fields.ts'
import { accountName, packages, repo } from './source-fields.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const host = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'

const health = object<HealthCheck>(
  {
    path: described(
      text('a path with a leading "/"', { pattern: '^/[\\x21-\\x7e]{0,1000}$' }),
      '2xx and 3xx are ready.',
      { examples: ['/healthz'] },
    ),
    host: described(
      text('a host name', { maxLength: 253, pattern: `^${host}(?:\\.${host})*$` }),
      'The Host header; default: APP.localhost.',
    ),
    timeoutMs: described(integer(1, 60_000, 'milliseconds'), 'Of one attempt.', {
      default: healthTimeoutMs,
    }),
  },
  ['path'],
)

const limits = object<ResourceLimits>({
  memoryBytes: described(
    integer(2 ** 24, 2 ** 44, 'bytes'),
    'All of its processes; above it the app is restarted, new beside old.',
    { examples: [536_870_912] },
  ),
  openFiles: described(integer(32, 2 ** 20), 'Open files of each process.'),
  processes: described(
    integer(1, 2 ** 15),
    'Processes and threads; kept for all instances together, by root only.',
  ),
})

const placement = object<Placement>({
  nodes: described(
    list(
      text("a node's name", { pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$' }),
      placementNodesMax,
    ),
    'The nodes that may run it; default: all.',
  ),
})

const upToAnHour = integer(0, hourMs, 'milliseconds')

const timeouts = object<Timeouts>({
  readyTimeoutMs: described(integer(1, hourMs, 'milliseconds'), 'From the start until ready.', {
    default: readyTimeoutMs,
  }),
  drainTimeoutMs: described(upToAnHour, 'What requests in flight get.', {
    default: drainTimeoutMs,
  }),
  stopTimeoutMs: described(upToAnHour, 'From SIGTERM to SIGKILL.', { default: stopTimeoutMs }),
  minUptimeMs: described(
    upToAnHour,
    'A process without a port is ready when it has lived so long.',
    {
      default: minUptimeMs,
    },
  ),
})

const warm = object<WarmPolicy>({
  releases: described(integer(0, 5), 'How many.', { default: warmReleases }),
  forMs: described(integer(0, dayMs, 'milliseconds'), 'How long.', { default: warmMs }),
})

/** What a text or a body may have; `$schema` is for editors. */
export interface WrittenManifest extends Omit<Manifest, 'version'> {
  readonly $schema?: string
  readonly version?: number
}

/** Of `viaduct.json` and of the body of `POST /applications`. */
export const manifestField: Field<WrittenManifest> = object<WrittenManifest>({
  $schema: described(text('text', { maxLength: 2_000 }), 'For editors: where this schema is.'),
  version: described(integer(1, 1), 'Of the manifest.', { default: 1 }),
  name: described(appName, 'Name of the app; default: that of package.json, made to fit.', {
    examples: ['shop'],
  }),
  repo: described(repo, 'Where the code is fetched from; default: it is uploaded.', {
    examples: [{ url: 'https://example.org/shop.git', branch: 'main' }],
  }),
  domain: described(
    domains,
    'Where it answers besides APP.localhost: a name, "*.example.org", a regular expression that ' +
      'starts with "^", or an object with a path; one or a list.',
    { examples: ['shop.example.org', ['^shop\\.', { host: 'example.org', path: '/shop' }]] },
  ),
  port: described(ownPort, 'A port that leads to this app alone.', {
    examples: [9000, { number: 9000, direct: true }],
  }),
  http: described(httpOptions, 'How requests are treated on their way.', {
    examples: [{ compress: true }],
  }),
  static: described(folders, 'Folders of the release whose files are served; one or a list.', {
    examples: ['public'],
  }),
  scale: described(
    record(integer(0, instancesPerTypeMax), byProcessType),
    'Instances per process type; default: 1 of each.',
    { examples: [{ web: 2, worker: 1 }] },
  ),
  health: described(health, 'A request that alone decides whether an instance is ready.', {
    examples: [{ path: '/healthz' }],
  }),
  env: described(env, 'Defaults for config; what is set on the server is stronger.', {
    examples: [{ LOG_LEVEL: 'info', STRIPE_KEY: { required: true } }],
  }),
  overlap: described(
    record(truth, byProcessType),
    'false: the old instance of this process type stops before the new one starts.',
    { examples: [{ worker: false }] },
  ),
  warm: described(warm, 'Drained releases that run on, for a rollback at once.', {
    examples: [{ releases: 2 }],
  }),
  routes: described(list(processType, processTypesMax), 'Process types that get requests.', {
    default: ['web'],
  }),
  timeouts: described(timeouts, 'How long things may take.', {
    examples: [{ readyTimeoutMs: 120_000 }],
  }),
  limits: described(limits, 'What each instance may use; default: no limit of its own.', {
    examples: [{ memoryBytes: 536_870_912 }],
  }),
  builder: described(oneOf(...builderNames), 'Builds it so, whatever the tree looks like.', {
    examples: ['node'],
  }),
  packages: described(packages, 'Packages of the system that it needs.', {
    examples: [['libpq-dev', 'imagemagick']],
  }),
  install: described(
    list(command, installCommandsMax),
    'Shell lines that prepare a release, after its dependencies are installed.',
    { examples: [['bin/compile-assets']] },
  ),
  user: described(
    accountName,
    "User of the server that it runs as, as far as allowed there; default: one of the app's own.",
    {
      examples: ['www-data'],
    },
  ),
  group: described(accountName, "Group that it runs as; default: the user's own.", {
    examples: ['www-data'],
  }),
  placement: described(placement, 'Which nodes may run it.', {
    examples: [{ nodes: ['n1', 'n2'] }],
  }),
  cron: described(cron, 'What runs by the clock.', {
    examples: [[{ schedule: '30 4 * * *', command: 'bin/clean' }]],
  }),
})
