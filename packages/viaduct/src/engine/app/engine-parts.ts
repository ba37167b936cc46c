/** What every app's runner shares with the others: links, routes, ports, builds, settings. */
import type { RestartPolicy } from '../../../../supervise/src/lifecycle/lifecycle.ts'
import type { DataLayout } from '../../model/layout.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Store } from '../../store/store.ts'
import type { Toolbox } from '../../build/tools/toolbox.ts'
import type { Claims } from './claims.ts'
import type { BuildQueue } from '../builds/build-queue.ts'
import type { JobRunner } from '../builds/job-runner.ts'
import type { GroupBook } from '../groups/group-book.ts'
import type { EngineLog } from '../engine-log.ts'
import type { KeeperLink } from '../links/keeper-link.ts'
import type { ProxyLinks } from '../links/proxy-links.ts'
import type { RouteBook } from '../links/route-book.ts'
import type { PortBook } from '../ports/port-book.ts'

export interface EngineParts {
  readonly settings: Settings
  readonly layout: DataLayout
  readonly store: Store
  readonly keeper: KeeperLink
  readonly proxies: ProxyLinks
  readonly routes: RouteBook
  readonly claims: Claims
  readonly ports: PortBook
  readonly groups: GroupBook
  readonly builds: BuildQueue
  readonly jobs: JobRunner
  readonly log: EngineLog
  readonly toolbox: Toolbox
  /** Folder of the platform's own `node`. */
  readonly nodeDir: string
  /** NODE_ID of the instances. */
  readonly nodeId: string
  readonly restart: RestartPolicy
  readonly memoryShort: () => boolean
}
