/** The API on a free port over an engine in memory, in a directory of its own, for tests. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certificates, openCertificates } from '../certs/open-certificates.ts'
import { type Client, createClient } from '../contract/client.ts'
import type { ConfigDirectory } from '../engine/config-directory/open-config-directory.ts'
import type { TlsTable } from '../model/tls/tls-table.ts'
import { type DataLayout, dataLayout } from '../model/layout.ts'
import { silentLog } from '../model/log.ts'
import type { Settings } from '../settings/settings.ts'
import { openMemoryStore } from '../store/memory-store.ts'
import type { Store } from '../store/store.ts'
import { MemoryEngine } from './memory-engine.suite.ts'
import { openApi } from './open-api.ts'

export interface TestApi extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The admin token. */
  readonly token: string
  readonly client: Client
  readonly engine: MemoryEngine
  readonly store: Store
  readonly layout: DataLayout
  readonly certs: Certificates
  /** What the proxies were told. */
  readonly tables: readonly TlsTable[]
}

export async function openTestApi(
  changes: Partial<Settings> = {},
  directory: ConfigDirectory | null = null,
): Promise<TestApi> {
  const root = await mkdtemp(join(tmpdir(), 'viaduct-api-'))
  const layout = dataLayout(root)
  await mkdir(layout.run)
  const engine = new MemoryEngine()
  const store = await openMemoryStore()
  const settings = testSettings(root, changes)
  const tables: TlsTable[] = []
  const certs = await openCertificates({
    ...{ dir: layout.certificates, tablePath: layout.tls, settings, log: silentLog },
    publish: async (table) => void tables.push(table),
    ...{ userAgent: 'viaduct/test', now: Date.now, random: Math.random },
  })
  const api = await openApi({
    ...{ engine, certs, store, settings, layout, log: silentLog, version: '0.0.0' },
    directory,
  })
  const url = `http://127.0.0.1:${api.port}`
  const token = (await readFile(layout.adminToken, 'utf8')).trim()
  return {
    url,
    port: api.port,
    token,
    client: createClient({ url, token }),
    engine,
    store,
    layout,
    certs,
    tables,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await certs[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await rm(root, { recursive: true })
    },
  }
}

export function testSettings(dataDir: string, changes: Partial<Settings> = {}): Settings {
  return {
    dataDir,
    configDirectory: null,
    allowedUsers: '',
    host: '127.0.0.1',
    httpPort: 0,
    httpsPort: null,
    apiHost: '127.0.0.1',
    apiPort: 0,
    proxies: 1,
    domain: null,
    apiDomain: null,
    apiHttp: 'refuse',
    xApp: 'off',
    trustedProxies: '',
    proxyProtocol: 'off',
    authToken: null,
    webCount: 2,
    releasesKept: 5,
    warmReleases: 1,
    warmMs: 1_000,
    holdTimeoutMs: 1_000,
    holdMaxRequests: 10,
    logFileMaxBytes: 1_000_000,
    logFilesKept: 1,
    accessLogAgent: 'off',
    uploadMaxBytes: 100_000,
    unpackedMaxBytes: 1_000_000,
    unpackedMaxEntries: 1_000,
    instancePortMin: 20_000,
    instancePortMax: 20_010,
    acmeEmail: null,
    acmeDirectoryUrl: 'https://acme.invalid/directory',
    acmeCaFile: null,
    acmeEabKeyId: null,
    acmeEabKey: null,
    tlsMinVersion: 'TLSv1.2',
    unknownName: 'default',
    logLevel: 'info',
    ...changes,
  }
}

/** What is waited for starts a process now and then, which takes seconds where much else runs. */
const untilTimeoutMs = 15_000

/** Waits until `predicate` is true. @throws After 15 seconds. */
export async function until(predicate: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + untilTimeoutMs
  while (!(await predicate())) {
    if (Date.now() > deadline) throw new Error(`Never true: ${predicate.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
