/**
 * The servers that the proxy is measured against, each one worker, and nginx as the app behind all.
 * nginx and Caddy get the same work: two upstreams, the forwarded fields, an id, an access log.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DebianTool, debianTool } from '../../tools/debian-tools.ts'
import { endChild, type ProxyProcess, untilConnects } from './start-proxy.ts'

/** @returns null when nginx cannot be had here. */
export async function startBackend(): Promise<(ProxyProcess & { ports: number[] }) | null> {
  const ports = [await freePort(), await freePort()]
  const listens = ports.map((port) => `listen 127.0.0.1:${port};`).join(' ')
  const answer = `location / { default_type text/plain; return 200 "hello world\\n"; }`
  const server = await startNginx(`server { ${listens} ${answer} }`, ports[0] as number)
  return server && { ...server, ports, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** @param upstreams Ports of the backend. */
export async function startNginxProxy(upstreams: readonly number[]): Promise<ProxyProcess | null> {
  const port = await freePort()
  const servers = upstreams.map((each) => `server 127.0.0.1:${each};`).join(' ')
  return await startNginx(
    `upstream app { least_conn; ${servers} keepalive 128; }
    log_format line escape=json '{"at":"$time_iso8601","method":"$request_method","host":"$host",'
      '"path":"$request_uri","status":$status,"bytes":$bytes_sent,"s":$request_time,'
      '"client":"$remote_addr","upstream":"$upstream_addr","id":"$request_id"}';
    server { listen 127.0.0.1:${port} backlog=4096;
      access_log ACCESS_LOG line buffer=64k flush=1s;
      location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id;
        proxy_set_header X-Request-Start "t=$msec"; } }`,
    port,
  )
}

/** Caddy on one core. @returns null when it cannot be had here. */
export async function startCaddy(upstreams: readonly number[]): Promise<ProxyProcess | null> {
  const tool = await debianTool('caddy')
  if (!tool) return null
  const [port, dir] = [await freePort(), await mkdtemp(join(tmpdir(), 'viaduct-bench-caddy-'))]
  const to = upstreams.map((each) => `127.0.0.1:${each}`).join(' ')
  const log = `log {\n output file ${join(dir, 'access.log')}\n format json\n }`
  const proxy = `reverse_proxy ${to} {\n lb_policy least_conn\n }`
  const text = `{\n admin off\n auto_https off\n}\nhttp://:${port} {\n bind 127.0.0.1\n ${log}\n ${proxy}\n}\n`
  await writeFile(join(dir, 'Caddyfile'), text)
  const args = ['run', '--adapter', 'caddyfile', '--config', join(dir, 'Caddyfile')]
  const env = { GOMAXPROCS: '1', HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir }
  return await launch(tool, { args, env, dir, port })
}

async function startNginx(http: string, port: number): Promise<ProxyProcess | null> {
  const tool = await debianTool('nginx')
  if (!tool) return null
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-bench-nginx-'))
  await mkdir(join(dir, 'logs'))
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${dir}/${name};`)
    .join(' ')
  const body = http.replace('ACCESS_LOG', `${dir}/logs/access.log`)
  const text = `worker_processes 1; daemon off; pid ${dir}/pid; error_log ${dir}/logs/error.log;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 1000000000; ${temps} ${body} }\n`
  await writeFile(join(dir, 'nginx.conf'), text)
  return await launch(tool, {
    args: ['-p', dir, '-c', join(dir, 'nginx.conf')],
    env: {},
    dir,
    port,
  })
}

async function launch(
  tool: DebianTool,
  options: { args: string[]; env: Record<string, string>; dir: string; port: number },
): Promise<ProxyProcess> {
  const { args, env, dir, port } = options
  const child = spawn(tool.command, args, {
    env: { ...process.env, ...tool.env, ...env },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
