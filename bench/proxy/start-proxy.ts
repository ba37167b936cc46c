/**
 * One proxy worker for measurements, as the keeper starts it: its own process, the bound sockets as
 * descriptors 3 and 4, settings and routes in a folder that is removed at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { BoundSocket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../packages/viaduct/bin/viaduct.js', import.meta.url))
const startTimeoutMs = 15_000

export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

/** @param upstreamPorts Ports on 127.0.0.1 that serve the only app. */
export async function startProxy(upstreamPorts: readonly number[]): Promise<ProxyProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-bench-proxy-'))
  await mkdir(join(dir, 'run'), { recursive: true })
  await writeFile(join(dir, 'run/settings.json'), JSON.stringify(settingsOf(dir)), { mode: 0o600 })
  await writeFile(join(dir, 'run/routes.json'), JSON.stringify(routesOf(upstreamPorts)))
  const [http, api] = [0, 1].map(() => {
    return new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true })
  }) as [BoundSocket, BoundSocket]
  const { port } = http.address() as { port: number }
  const flags = ['--max-semi-space-size=1', '--no-async-context-frame']
  const child = spawn(process.execPath, [...flags, entry, 'proxy', '--data', dir, '--slot', '0'], {
    stdio: ['ignore', 'ignore', 'inherit', http.fd(), api.fd()],
  })
  http.close()
  api.close()
  const stop = async (): Promise<void> => {
    await endChild(child)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await untilConnects(port, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid as number, port, [Symbol.asyncDispose]: stop }
}

/** SIGTERM, then SIGKILL: a measurement leaves nothing behind. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exited
  clearTimeout(timer)
}

/** @throws {Error} Nobody listens on the port in time. */
export async function untilConnects(port: number, child: ChildProcess): Promise<void> {
  for (const end = performance.now() + startTimeoutMs; performance.now() < end; await delay(20)) {
    if (child.exitCode !== null) throw new Error(`It ended at once with code ${child.exitCode}`)
    const socket = connect({ port, host: '127.0.0.1' })
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false, // Not yet: asked again until the time is up.
    )
    socket.destroy()
    if (connected) return
  }
  throw new Error(`Nobody listens on port ${port} after ${startTimeoutMs} ms`)
}

function settingsOf(dataDir: string): object {
  return {
    ...{
      schema: 1,
      dataDir,
      host: '127.0.0.1',
      httpPort: 0,
      apiHost: '127.0.0.1',
      apiPort: 0,
      proxies: 1,
    },
    ...{ domain: null, apiDomain: null, authToken: null, webCount: 1, releasesKept: 5 },
    ...{ warmReleases: 1, warmMs: 600_000, holdTimeoutMs: 10_000, holdMaxRequests: 1_000 },
    ...{ logFileMaxBytes: 10_485_760, logFilesKept: 4, uploadMaxBytes: 536_870_912 },
    ...{ unpackedMaxBytes: 2_147_483_648, unpackedMaxEntries: 200_000, logLevel: 'info' },
    ...{ instancePortMin: 20_000, instancePortMax: 29_999 },
  }
}

function routesOf(ports: readonly number[]): object {
  const upstreams = ports.map((port, i) => ({
    id: `bench.v1.web.${i}.aaaa`,
    host: '127.0.0.1',
    port,
  }))
  const limits = { holdTimeoutMs: 2_000, holdMaxRequests: 1_000 }
  const app = {
    app: 'bench',
    release: 1,
    hosts: ['bench.test'],
    upstreams,
    whenEmpty: 'hold',
    ...limits,
  }
  return { schema: 1, generation: 1, apps: [app], defaultApp: 'bench' }
}
