/**
 * The proxies of the CPU benchmark, all doing equal work: two instances with the fewest requests in
 * flight first, kept-alive connections to them, X-Forwarded-*, a request id. One worker each.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proxyNodeFlags } from '../../packages/viaduct/src/keeper/platform.ts'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { until } from '../../test/e2e/harness/until.ts'
import { debianTool, type DebianToolName } from '../../tools/debian-tools.ts'

export interface Arm extends AsyncDisposable {
  readonly name: string
  readonly port: number
  /** Of the process whose tree is measured. */
  readonly pid: number
}

/** Proxies run on one core, backend and load on the other. */
const proxyCore = ['taskset', '-c', '1']
export const loadCore = ['taskset', '-c', '0']

/** The instances: one nginx on two ports, answering 12 bytes. @returns null without nginx. */
export async function startBackend(): Promise<(Arm & { readonly ports: number[] }) | null> {
  const ports = [await freePort(), await freePort()]
  const server = (port: number): string =>
    `server { listen 127.0.0.1:${port} backlog=4096; location / { return 200 "hello world\\n"; } }`
  const http = `access_log off; keepalive_requests 1000000000; ${ports.map(server).join('\n')}`
  const arm = await startNginx('backend', { http, port: ports[0] ?? 0, core: loadCore })
  return arm && { ...arm, ports, [Symbol.asyncDispose]: () => arm[Symbol.asyncDispose]() }
}

/** @param accessLog Writes a line of JSON per request, as the proxy does. */
export async function startNginxArm(ports: number[], accessLog: boolean): Promise<Arm | null> {
  const port = await freePort()
  const upstreams = ports.map((each) => `server 127.0.0.1:${each};`).join(' ')
  const log = accessLog
    ? `log_format line escape=json '{"at":$msec,"id":"$request_id","client":"$remote_addr",` +
      `"method":"$request_method","host":"$host","path":"$request_uri","status":$status,` +
      `"ms":$request_time,"bytes":$bytes_sent,"instance":"$upstream_addr"}';` +
      'access_log access.log line buffer=64k flush=1s;'
    : 'access_log off;'
  const http = `${log} keepalive_requests 1000000000;
    upstream app { least_conn; ${upstreams} keepalive 128; keepalive_requests 1000000000; }
    server { listen 127.0.0.1:${port} backlog=4096; location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id; proxy_set_header X-Request-Start "t=$msec"; } }`
  const name = accessLog ? 'nginx, access log' : 'nginx'
  return await startNginx(name, { http, port, core: proxyCore })
}

async function startNginx(
  name: string,
  options: { http: string; port: number; core: readonly string[] },
): Promise<Arm | null> {
  const config = `daemon off; worker_processes 1; error_log stderr crit; pid nginx.pid;
    events { worker_connections 4096; }
    http { ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${kind};`)
      .join(' ')} ${options.http} }`
  const args = (dir: string): string[] => ['-p', dir, '-e', 'stderr', '-c', join(dir, 'config')]
  return await startTool('nginx', { ...options, name, config, args })
}

/** @returns null where there is no HAProxy. */
export async function startHaproxyArm(ports: number[]): Promise<Arm | null> {
  const port = await freePort()
  const servers = ports.map((each, i) => `server s${i} 127.0.0.1:${each}`).join('\n  ')
  const config = `global
  maxconn 4096
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  balance leastconn
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Request-Id %[uuid()]
  ${servers}
`
  const args = (dir: string): string[] => ['-db', '-f', join(dir, 'config')]
  return await startTool('haproxy', { name: 'HAProxy', config, args, port, core: proxyCore })
}

/** @returns null where there is no Caddy. */
export async function startCaddyArm(ports: number[]): Promise<Arm | null> {
  const port = await freePort()
  const upstreams = ports.map((each) => `127.0.0.1:${each}`).join(' ')
  const config = `{
  admin off
  auto_https off
}
http://:${port} {
  reverse_proxy ${upstreams} {
    lb_policy least_conn
    header_up X-Request-Id {http.request.uuid}
  }
}
`
  const args = (dir: string): string[] => [
    'run',
    '--adapter',
    'caddyfile',
    '--config',
    join(dir, 'config'),
  ]
  return await startTool('caddy', { name: 'Caddy', config, args, port, core: proxyCore })
}

/** Ours, as the keeper starts it. */
export async function startViaductArm(ports: number[], accessLog: boolean): Promise<Arm> {
  const proxy = await startProxyProcess(routeTable(1, [{ ports }]), {
    nodeFlags: proxyNodeFlags,
    proxyFlags: accessLog ? [] : ['--no-access-log'],
    command: proxyCore,
  })
  return {
    name: accessLog ? 'Viaduct, access log' : 'Viaduct',
    port: proxy.port,
    pid: proxy.pid,
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

async function startTool(
  tool: DebianToolName,
  options: {
    name: string
    config: string
    args: (dir: string) => string[]
    port: number
    core: readonly string[]
  },
): Promise<Arm | null> {
  const found = await debianTool(tool)
  if (!found) return null
  const { name, config, args, port, core } = options
  const dir = await mkdtemp(join(tmpdir(), `viaduct-bench-${tool}-`))
  await writeFile(join(dir, 'config'), config)
  const [program = '', ...rest] = [...core, found.command, ...args(dir)]
  const child = spawn(program, rest, {
    cwd: dir,
    env: { ...process.env, ...found.env, HOME: dir },
    stdio: ['ignore', 'ignore', tool === 'caddy' ? 'ignore' : 'inherit'],
  })
  await until(() => isListening(port), { what: `${tool} listens` })
  return {
    ...{ name, port, pid: child.pid ?? 0 },
    async [Symbol.asyncDispose]() {
      await ended(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('connect', () => socket.destroy())
    socket.on('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
