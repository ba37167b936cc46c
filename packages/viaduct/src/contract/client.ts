/**
 * The typed client of the API: one method per route. The command line, the dashboard and tests use
 * it; it runs in Node.js and in browsers.
 */
import { type FollowOptions, followDeploy } from './follow-deploy.ts'
import { readLog } from './follow-log.ts'
import { type Caller, type ClientOptions, createCaller, type UploadBody } from './request.ts'
import type { DeployEventResource, DeployResource, LogLineResource } from './resources.ts'
import { acmeOrderTimeoutMs, clientCallTimeoutMs } from '../model/limits.ts'
import type { BodyOf, ParamsOf, QueryOf } from './routes.ts'

export type { ClientOptions } from './request.ts'

/** Options of every method; an aborted call rejects with the signal's reason. */
export interface SignalOptions {
  readonly signal?: AbortSignal
}

/**
 * Answer only when the deploy is finished. Takes at most 5 minutes in Node.js: better follow its
 * events.
 */
export interface WaitOptions extends SignalOptions {
  readonly wait?: 'ready' | 'drained'
}

export interface LogOptions extends QueryOf<'logs.read'>, SignalOptions {
  /** Default `app`: stdout and stderr. */
  readonly stream?: ParamsOf<'logs.read'>['stream']
}

export type Client = ReturnType<typeof createClient>

/**
 * A client of the API at `url`.
 *
 * Every method throws `AppError` with the server's code, message, hint and data; `no-server` when
 * nothing answers; `unauthorized` and `forbidden` for a token that is not good enough.
 *
 * @throws {AppError} `bad-request` when `url` is none.
 */
export function createClient(options: ClientOptions) {
  const caller = createCaller(options)
  const { call } = caller
  return {
    healthy: (extra: SignalOptions = {}) => call('health.get', extra),
    version: (extra: SignalOptions = {}) => call('version.get', extra),
    stats: (extra: SignalOptions = {}) => call('stats.get', extra),
    /** In the text format of Prometheus. */
    metrics: async (extra: SignalOptions = {}) => (await caller.open('metrics.get', extra)).text(),
    configDirectory: {
      get: (extra: SignalOptions = {}) => call('configDirectory.get', extra),
    },
    apps: appMethods(caller),
    formation: {
      /** @param counts Wanted instances per process type; types not named stay as they are. */
      scale: (name: string, counts: BodyOf<'formation.scale'>, extra: WaitOptions = {}) =>
        call('formation.scale', { params: { name }, body: counts, ...changing(extra) }),
    },
    groups: groupMethods(caller),
    config: {
      /** Where each variable comes from, or the one. @param extra.show With the values. */
      explain: (
        name: string,
        { signal, ...query }: QueryOf<'config.explain'> & SignalOptions = {},
      ) => call('config.explain', { params: { name }, query, ...(signal && { signal }) }),
      get: (name: string, extra: SignalOptions = {}) =>
        call('config.get', { params: { name }, ...extra }),
      /**
       * @param changes null removes a key. With `stage` it waits for the next deploy or restart.
       */
      set: (
        name: string,
        changes: BodyOf<'config.set'>['changes'],
        { stage = false, ...extra }: WaitOptions & { readonly stage?: boolean } = {},
      ) => call('config.set', { params: { name }, body: { changes, stage }, ...changing(extra) }),
    },
    releases: {
      list: (name: string, extra: SignalOptions = {}) =>
        call('releases.list', { params: { name }, ...extra }),
    },
    ...edgeMethods(caller),
    deploys: deployMethods(caller),
    logs: logMethods(caller),
    certificates: {
      list: (extra: SignalOptions = {}) => call('certificates.list', extra),
      /** @param pem The chain, the domain's own first, and its private key. */
      add: (domain: string, pem: BodyOf<'certificates.add'>, extra: SignalOptions = {}) =>
        call('certificates.add', { params: { domain }, body: pem, ...extra }),
      remove: (domain: string, extra: SignalOptions = {}) =>
        call('certificates.remove', { params: { domain }, ...extra }),
      /** Takes as long as the authority does, some seconds usually. */
      renew: (domain: string, extra: SignalOptions = {}) =>
        call('certificates.renew', {
          ...{ params: { domain }, timeoutMs: acmeOrderTimeoutMs + clientCallTimeoutMs },
          ...extra,
        }),
    },
    tokens: {
      list: (extra: SignalOptions = {}) => call('tokens.list', extra),
      create: (token: BodyOf<'tokens.create'>, extra: SignalOptions = {}) =>
        call('tokens.create', { body: token, ...extra }),
      revoke: (id: string, extra: SignalOptions = {}) =>
        call('tokens.revoke', { params: { id }, ...extra }),
    },
  }
}

/** Config that apps share. */
function groupMethods({ call }: Caller) {
  return {
    list: (extra: SignalOptions = {}) => call('groups.list', extra),
    get: (group: string, extra: SignalOptions = {}) =>
      call('groups.get', { params: { group }, ...extra }),
    /** Resolves when the deploys of the apps have begun. */
    change: (group: string, body: BodyOf<'groups.change'>, extra: SignalOptions = {}) =>
      call('groups.change', { params: { group }, body, ...extra }),
    destroy: (group: string, extra: SignalOptions = {}) =>
      call('groups.destroy', { params: { group }, ...extra }),
  }
}

function appMethods({ call }: Caller) {
  return {
    list: (extra: SignalOptions = {}) => call('apps.list', extra),
    /** @param manifest With a `name`; with `repo` its first deploy begins. */
    create: (manifest: BodyOf<'apps.create'>, extra: WaitOptions = {}) =>
      call('apps.create', { body: manifest, ...changing(extra) }),
    /**
     * Replaces the manifest, and deploys the code with it.
     *
     * @param extra.ifMatch The ETag that was read: `precondition-failed` when it is another by now.
     */
    replace: (
      name: string,
      manifest: BodyOf<'apps.replace'>,
      { ifMatch, ...extra }: WaitOptions & { readonly ifMatch?: string } = {},
    ) =>
      call('apps.replace', {
        params: { name },
        body: manifest,
        ...(ifMatch !== undefined && { headers: { 'if-match': ifMatch } }),
        ...changing(extra),
      }),
    /** Deploys what the repository has now, or what was uploaded last. */
    redeploy: (name: string, extra: WaitOptions = {}) =>
      call('apps.redeploy', { params: { name }, ...changing(extra) }),
    /** The public half of the key that its repository is read with. */
    key: (name: string, extra: SignalOptions = {}) =>
      call('apps.key', { params: { name }, ...extra }),
    get: (name: string, extra: SignalOptions = {}) =>
      call('apps.get', { params: { name }, ...extra }),
    instances: (name: string, extra: SignalOptions = {}) =>
      call('apps.instances', { params: { name }, ...extra }),
    restart: (name: string, extra: WaitOptions = {}) =>
      call('apps.restart', { params: { name }, ...changing(extra) }),
    start: (name: string, extra: WaitOptions = {}) =>
      call('apps.start', { params: { name }, ...changing(extra) }),
    stop: (name: string, extra: WaitOptions = {}) =>
      call('apps.stop', { params: { name }, ...changing(extra) }),
    destroy: (name: string, extra: SignalOptions = {}) =>
      call('apps.destroy', { params: { name }, ...extra }),
  }
}

/** What stands before an app's instances; a change is in force when these resolve. */
function edgeMethods({ call }: Caller) {
  const of = (name: string, extra: SignalOptions) => ({ params: { name }, ...extra })
  return {
    routes: {
      list: (name: string, extra: SignalOptions = {}) => call('routes.list', of(name, extra)),
      replace: (name: string, body: BodyOf<'routes.replace'>, extra: SignalOptions = {}) =>
        call('routes.replace', { body, ...of(name, extra) }),
      change: (name: string, body: BodyOf<'routes.change'>, extra: SignalOptions = {}) =>
        call('routes.change', { body, ...of(name, extra) }),
      clear: (name: string, extra: SignalOptions = {}) => call('routes.clear', of(name, extra)),
    },
    http: {
      get: (name: string, extra: SignalOptions = {}) => call('http.get', of(name, extra)),
      replace: (name: string, body: BodyOf<'http.replace'>, extra: SignalOptions = {}) =>
        call('http.replace', { body, ...of(name, extra) }),
      /** @param body null leaves a key to the manifest. */
      change: (name: string, body: BodyOf<'http.change'>, extra: SignalOptions = {}) =>
        call('http.change', { body, ...of(name, extra) }),
      clear: (name: string, extra: SignalOptions = {}) => call('http.clear', of(name, extra)),
    },
    port: {
      get: (name: string, extra: SignalOptions = {}) => call('port.get', of(name, extra)),
      set: (name: string, body: BodyOf<'port.set'>, extra: WaitOptions = {}) =>
        call('port.set', { params: { name }, body, ...changing(extra) }),
      /** Leaves it to the manifest. */
      clear: (name: string, extra: WaitOptions = {}) =>
        call('port.clear', { params: { name }, ...changing(extra) }),
    },
    maintenance: {
      get: (name: string, extra: SignalOptions = {}) => call('maintenance.get', of(name, extra)),
      on: (name: string, body: BodyOf<'maintenance.on'>, extra: SignalOptions = {}) =>
        call('maintenance.on', { body, ...of(name, extra) }),
      off: (name: string, extra: SignalOptions = {}) => call('maintenance.off', of(name, extra)),
    },
  }
}

function deployMethods(caller: Caller) {
  const { call } = caller
  return {
    /** @param archive A gzipped tar archive of the app folder. */
    create: (
      name: string,
      archive: UploadBody,
      { commit, wait, signal }: WaitOptions & { readonly commit?: string } = {},
    ): Promise<DeployResource> =>
      call('deploys.create', {
        params: { name },
        query: { commit, wait },
        upload: archive,
        signal,
        timeoutMs: Infinity,
      }),
    list: (name: string, extra: SignalOptions = {}) =>
      call('deploys.list', { params: { name }, ...extra }),
    get: (name: string, id: string, extra: SignalOptions = {}) =>
      call('deploys.get', { params: { name, id }, ...extra }),
    cancel: (name: string, id: string, extra: SignalOptions = {}) =>
      call('deploys.cancel', { params: { name, id }, ...extra }),
    rollback: (
      name: string,
      { release, ...extra }: WaitOptions & { readonly release?: number | string } = {},
    ) =>
      call('deploys.rollback', {
        params: { name },
        body: release === undefined ? {} : { release },
        ...changing(extra),
      }),
    /** Past and new events until the deploy is finished; survives restarts of the daemon. */
    events: (
      name: string,
      id: string,
      extra: FollowOptions = {},
    ): AsyncGenerator<DeployEventResource, DeployResource> =>
      followDeploy(caller, { name, id }, extra),
  }
}

function logMethods(caller: Caller) {
  return {
    /** Lines of a log, oldest first; with `follow` until the signal aborts, through restarts. */
    read: (
      name: string,
      { stream = 'app', ...options }: LogOptions = {},
    ): AsyncGenerator<LogLineResource, void> => readLog(caller, { name, stream }, options),
  }
}

/** What every change has in common: it can be waited for, for as long as it takes. */
function changing({ wait, signal }: WaitOptions) {
  return {
    query: { wait },
    signal,
    ...(wait !== undefined && { timeoutMs: Infinity }),
  }
}
