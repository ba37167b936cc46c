/**
 * Where things are in the data directory: the one place that knows a path.
 *
 *   DIR/lock  DIR/admin-token  DIR/viaduct.db
 *   DIR/certs/          certificates with their keys (0700)
 *   DIR/run/            sockets, child table, routes.json, settings.json, platform log
 *   DIR/run/i/ID/       one instance: FIFOs, exit file, ack (0700)
 *   DIR/bus/HASH        one instance's message bus: a socket for its user alone (0711)
 *   DIR/apps/APP/       artifacts/SHA/, data/ (DATA_DIR), tmp/, cache/dependencies/KEY/,
 *                       cache/home/ (clone/ of its repository), keys/deploy, last-upload.tar.gz
 *   DIR/logs/APP/v12/   app.log, install.log (+ .1 .2 …); DIR/logs/APP/access.SLOT.log
 *   DIR/logs/refused.SLOT.log  requests without an app
 *   DIR/uploads/        uploads in progress, removed at the start
 *   DIR/tools/NAME/VERSION/  tools of builders that all apps share: Node.js, pnpm …
 *   DIR/node/           Node.js for apps, when the platform's own is in a closed home directory
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AppName, ArtifactId, InstanceId, ReleaseNumber } from './ids.ts'

export interface DataLayout {
  readonly root: string
  readonly lock: string
  readonly adminToken: string
  readonly database: string
  readonly uploads: string
  /** A copy of Node.js for apps, when the platform's own is hidden from their users. */
  readonly node: string
  /** Tools of builders, shared by all apps, the platform's own. */
  readonly tools: string
  /** What Node.js apps that accept on a port themselves load first. */
  readonly directPreload: string
  readonly run: string
  /** Resolved settings that daemon and proxies start from (mode 0600). */
  readonly settings: string
  readonly routes: string
  /** Certificates, accounts with authorities: the keys, 0700. */
  readonly certificates: string
  /** What the proxies do TLS by (0600). */
  readonly tls: string
  readonly children: string
  readonly keeperSocket: string
  readonly instances: string
  /** Folder of the message buses; apps pass through it. */
  readonly buses: string
  /** Of any process that the keeper starts. Short: the path of a unix socket has 107 bytes. */
  readonly bus: (id: string) => string
  readonly apps: string
  readonly logs: string
  /** Logs of keeper, daemon and proxies themselves. */
  readonly platformLog: (process: string) => string
  /** What a proxy refused before it had an app. */
  readonly refusalLog: (slot: number) => string
  /** Control socket of proxy worker `slot` (0 …), generation `pid`. */
  readonly proxySocket: (slot: number, pid: number) => string
  /** Where that worker gives copies of its listening sockets to a new keeper. */
  readonly handbackSocket: (slot: number, pid: number) => string
  /** Where the keeper gives copies of the apps' own ports to proxies. */
  readonly ownPortsSocket: string
  readonly instance: (id: InstanceId) => string
  readonly app: (app: AppName) => AppLayout
}

/** Where, below `tools/NAME/VERSION/`, the commands of a tool are. */
export const toolCommands = join('node_modules', '.bin')

export interface AppLayout {
  readonly root: string
  readonly data: string
  readonly tmp: string
  readonly cache: string
  /** Installed dependency trees, the platform's own. */
  readonly dependencyCache: string
  /** HOME of build commands, the app's own. */
  readonly buildHome: string
  /** Clone of its repository, the app's own. */
  readonly clone: string
  /** Key that it reads its repository with, and the servers it has met: the app's own. */
  readonly keys: string
  /** The archive that was built last, for a redeploy. */
  readonly lastUpload: string
  readonly artifacts: string
  readonly logs: string
  readonly artifact: (id: ArtifactId) => string
  readonly releaseLog: (release: ReleaseNumber, stream: 'app' | 'install') => string
  readonly accessLog: (slot: number) => string
}

/** @param root Absolute path of the data directory. */
export function dataLayout(root: string): DataLayout {
  const run = join(root, 'run')
  return {
    root,
    run,
    lock: join(root, 'lock'),
    adminToken: join(root, 'admin-token'),
    database: join(root, 'viaduct.db'),
    uploads: join(root, 'uploads'),
    node: join(root, 'node'),
    tools: join(root, 'tools'),
    directPreload: join(root, 'direct-preload.cjs'),
    settings: join(run, 'settings.json'),
    routes: join(run, 'routes.json'),
    certificates: join(root, 'certs'),
    tls: join(run, 'tls.json'),
    children: join(run, 'children.json'),
    keeperSocket: join(run, 'keeper.sock'),
    instances: join(run, 'i'),
    buses: join(root, 'bus'),
    bus: (id) => join(root, 'bus', createHash('sha256').update(id).digest('hex').slice(0, 16)),
    apps: join(root, 'apps'),
    logs: join(root, 'logs'),
    platformLog: (name) => join(root, 'logs', `${name}.platform.log`),
    refusalLog: (slot) => join(root, 'logs', `refused.${slot}.log`),
    proxySocket: (slot, pid) => join(run, `proxy-${slot}-${pid}.sock`),
    handbackSocket: (slot, pid) => join(run, `handback-${slot}-${pid}.sock`),
    ownPortsSocket: join(run, 'own-ports.sock'),
    instance: (id) => join(run, 'i', id),
    app: (app) => appLayout(root, app),
  }
}

function appLayout(root: string, app: AppName): AppLayout {
  const home = join(root, 'apps', app)
  const logs = join(root, 'logs', app)
  return {
    root: home,
    data: join(home, 'data'),
    tmp: join(home, 'tmp'),
    cache: join(home, 'cache'),
    dependencyCache: join(home, 'cache', 'dependencies'),
    buildHome: join(home, 'cache', 'home'),
    clone: join(home, 'cache', 'home', 'clone'),
    keys: join(home, 'keys'),
    lastUpload: join(home, 'last-upload.tar.gz'),
    artifacts: join(home, 'artifacts'),
    logs,
    artifact: (id) => join(home, 'artifacts', id),
    releaseLog: (release, stream) => join(logs, `v${release}`, `${stream}.log`),
    accessLog: (slot) => join(logs, `access.${slot}.log`),
  }
}
