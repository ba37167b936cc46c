/**
 * At which URLs a user reaches an app: its host names, with the port of the proxies.
 */
import type { AppResource } from '../../contract/resources.ts'
import { dataLayout } from '../../model/layout.ts'
import { defaultDataDirs } from './data-directories.ts'
import type { Server } from './find-server.ts'
import { findLocalServer } from './local-server.ts'
import { readJson } from './login-file.ts'
import { isLoopback } from './parse-address.ts'

/**
 * The port of the proxies is known of a local server only. An API that is reached by a name without
 * a port is behind the proxies itself, so the apps have its scheme; else a name is all there is.
 */
export async function findAppUrls(
  server: Server,
): Promise<(app: Pick<AppResource, 'hosts'>) => string[]> {
  const port = isLoopback(server.url) ? await localProxyPort(server) : ''
  const scheme = server.url.startsWith('https:') ? 'https' : 'http'
  return (app) => app.hosts.map((host) => renderUrl(scheme, host, port))
}

function renderUrl(scheme: string, host: string, port: string): string {
  return new URL(`${scheme}://${host}${port === '' ? '' : `:${port}`}`).origin
}

async function localProxyPort(server: Server): Promise<string> {
  const local = await findLocalServer(defaultDataDirs())
  if (local === null || new URL(local.url).port !== new URL(server.url).port) return ''
  const settings = await readJson(dataLayout(local.dataDir).settings).catch(() => null)
  return settings !== null && 'httpPort' in settings ? String(settings.httpPort) : ''
}
