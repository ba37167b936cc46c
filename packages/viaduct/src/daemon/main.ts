/**
 * The daemon, the process that decides: `viaduct daemon --data DIR`, started by the keeper. It
 * opens the store, the engine and the API, in this order, and closes them in the other.
 *
 * Apps and proxies run on when it is gone. Until it listens, connections wait in the socket that
 * the keeper holds.
 */
import { fstatSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { parseArgs } from 'node:util'
import { openApi } from '../api/open-api.ts'
import { type Certificates, openCertificates } from '../certs/open-certificates.ts'
import { openConfigDirectory } from '../engine/config-directory/open-config-directory.ts'
import { type NodeEngine, openEngine } from '../engine/open-engine.ts'
import { AppError, messageOf } from '../model/app-error.ts'
import { dataLayout } from '../model/layout.ts'
import type { Log } from '../model/log.ts'
import { readSettings } from '../settings/settings-file.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { collectAllGarbage } from '../memory/collect-garbage.ts'
import { collectWhenIdle } from '../memory/collect-when-idle.ts'
import { openLog } from './open-log.ts'
import { readVersion } from '../settings/read-version.ts'

/** The API's listening socket, when the keeper started this process. */
const inheritedFd = 3

/**
 * Runs until SIGTERM or SIGINT, then ends the process: 0, or the exit code of what went wrong at
 * the start, which is said on stderr.
 *
 * @param argv `['daemon', '--data', DIR]`
 */
export async function run(argv: readonly string[]): Promise<never> {
  const ending = new AbortController()
  // Heard from the first moment on: a stop during the start waits for its end.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => ending.abort())
  try {
    await runDaemon(readDataDir(argv), ending.signal)
    process.exit(0)
  } catch (error) {
    const { message, hint, exitCode } =
      error instanceof AppError ? error : { message: messageOf(error), hint: '', exitCode: 1 }
    process.stderr.write(`viaduct daemon: ${message}\n${hint === '' ? '' : `${hint}\n`}`)
    if (!(error instanceof AppError)) console.error(error)
    process.exit(exitCode)
  }
}

async function runDaemon(dataDir: string, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now()
  const layout = dataLayout(dataDir)
  const settings = await readSettings(dataDir)
  const log = openLog(settings.logLevel)
  const version = readVersion()
  await using store = await openSqliteStore({ path: layout.database })
  await using engine = await openEngine({ settings, layout, store, log })
  await using certs = await openCertificates({
    ...{ dir: layout.certificates, tablePath: layout.tls, settings, log },
    publish: (table) => engine.publishTls(table),
    ...{ userAgent: `viaduct/${version}`, now: Date.now, random: Math.random },
  })
  followRoutes(engine, certs, { log, apiDomain: settings.apiDomain })
  const dir = settings.configDirectory
  await using directory = dir === null ? null : openConfigDirectory({ dir, engine, log })
  const inherited = isSocket(inheritedFd) ? { fd: inheritedFd } : {}
  await using api = await openApi({
    engine,
    certs,
    directory,
    store,
    settings,
    layout,
    log,
    version,
    ...inherited,
  })
  const tookMs = Math.round(performance.now() - startedAt)
  log.info('daemon.started', { version, node: process.versions.node, port: api.port, tookMs })
  collectAllGarbage()
  using _idle = collectWhenIdle()
  await aborted(signal)
  log.info('daemon.stopping')
}

/** Every host that is routed gets a certificate, and so does the API's own. */
function followRoutes(
  engine: NodeEngine,
  certs: Certificates,
  { log, apiDomain }: { log: Log; apiDomain: string | null },
): void {
  engine.watchTls({
    onHosts: (hosts) => certs.want(apiDomain === null ? hosts : [...hosts, apiDomain]),
    onAhead: (generation) => {
      certs.overtake(generation).catch((error: unknown) => {
        log.error('tls.not-published', { generation, error: messageOf(error) })
      })
    },
  })
}

function readDataDir(argv: readonly string[]): string {
  const options = { data: { type: 'string' } } as const
  const { values } = parseArgs({ args: argv.slice(1), options })
  if (values.data !== undefined) return resolvePath(values.data)
  throw new AppError('bad-setting', 'The daemon was started without --data DIR', {
    hint: '"viaduct up" starts it.',
  })
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    // Nothing was inherited: somebody started the daemon by hand.
    return false
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
