/**
 * Pebble, the strict ACME server for tests, from Debian's package, with a name server that answers
 * 127.0.0.1 for every name. It validates by real connections to the ports that it is given.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  makeKey,
  makeSelfSigned,
  renderKey,
} from '../../../packages/viaduct/src/certs/x509/make-certificate.ts'
import { debianTool } from '../../../tools/debian-tools.ts'
import { until } from './until.ts'

export interface Pebble extends AsyncDisposable {
  readonly directoryUrl: string
  /** PEM: what the API is trusted by. */
  readonly ca: string
  readonly caFile: string
  /** Where it looks for answers to challenges. */
  readonly httpPort: number
  readonly tlsPort: number
  readonly log: () => string
  /** PEM of the root that its certificates lead to. */
  root(): Promise<string>
}

export const externalAccount = {
  keyId: 'kid-1',
  macKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
}

/**
 * @param options.badNonces Percent of good nonces that it refuses.
 * @param options.needsAccount Only `externalAccount` may make one.
 * @returns null when it cannot be had on this machine; the reason was printed.
 */
export async function startPebble(
  options: { badNonces?: number; needsAccount?: boolean } = {},
): Promise<Pebble | null> {
  const tool = await debianTool('pebble')
  if (!tool) return null
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-pebble-'))
  const [api = 0, management = 0, httpPort = 0, tlsPort = 0, dns = 0, dnsApi = 0] =
    await freePorts(6)
  const ca = await writeApiCertificate(dir)
  await writeFile(
    join(dir, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${api}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: join(dir, 'api.pem'),
        privateKey: join(dir, 'api.key'),
        httpPort,
        tlsPort,
        externalAccountBindingRequired: options.needsAccount ?? false,
        externalAccountMACKeys: { [externalAccount.keyId]: externalAccount.macKey },
      },
    }),
  )
  let output = ''
  const start = (command: string, args: readonly string[]) => {
    const env = {
      ...{ ...process.env, ...tool.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0' },
      PEBBLE_WFE_NONCEREJECT: String(options.badNonces ?? 20),
    }
    const child = spawn(command, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => (output += String(text)))
    }
    return { child, gone: new Promise((resolve) => child.once('exit', resolve)) }
  }
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const addresses = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsApi}`]
  const children = [
    start(join(dirname(tool.command), 'pebble-challtestsrv'), [...addresses, ...off]),
    start(tool.command, ['-config', 'pebble.json', '-strict', '-dnsserver', `127.0.0.1:${dns}`]),
  ]
  const directoryUrl = `https://localhost:${api}/dir`
  const get = (url: string): Promise<string | null> => fetchText(url, ca)
  await until(async () => (await get(directoryUrl)) !== null, { timeoutMs: 10_000 })
  return {
    ...{ directoryUrl, ca, caFile: join(dir, 'api.pem'), httpPort, tlsPort },
    log: () => output,
    root: async () => (await get(`https://localhost:${management}/roots/0`)) ?? '',
    async [Symbol.asyncDispose]() {
      for (const { child } of children) child.kill('SIGKILL')
      await Promise.all(children.map(({ gone }) => gone))
      await rm(dir, { recursive: true })
    },
  }
}

async function writeApiCertificate(dir: string): Promise<string> {
  const key = makeKey()
  const times = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 86_400_000 }
  const ca = makeSelfSigned({ key, names: ['localhost'], ...times })
  await writeFile(join(dir, 'api.pem'), ca)
  await writeFile(join(dir, 'api.key'), renderKey(key), { mode: 0o600 })
  return ca
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenAnywhere()))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Below the ports of clients and of instances: these come and go all the time. */
async function listenAnywhere(): Promise<Server> {
  for (;;) {
    const server = createServer()
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)) // Somebody has it: another one.
      server.listen(port, () => resolve(true))
    })
    if (listens) return server
  }
}

function fetchText(url: string, ca: string): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request(url, { ca, agent: false }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += String(piece)))
      response.on('end', () => resolve(text))
    })
    sent.on('error', () => resolve(null)) // It does not listen yet.
    sent.end()
  })
}
