/**
 * The proxies that are compared, all doing equal work: two instances with the fewest requests in
 * flight first, kept-alive connections to them, X-Forwarded-*, a request id; the same certificate,
 * HTTP/1.1 and HTTP/2 over TLS. One worker each.
 */
import { proxyNodeFlags } from '../../../packages/viaduct/src/keeper/platform.ts'
import { startProxyProcess } from '../../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import {
  testCertificate,
  tlsTable,
} from '../../../packages/viaduct/src/proxy/fixtures/tls-proxy.ts'
import { freePort, loadCore, proxyCore, startTool } from './start-tool.ts'

export interface Arm extends AsyncDisposable {
  readonly name: string
  readonly port: number
  /** TLS; 0: none. */
  readonly tlsPort: number
  /** Of the process whose tree is measured. */
  readonly pid: number
}

export interface Backend extends Arm {
  readonly ports: readonly number[]
}

/** On loopback nothing has to be kept free for others. */
const connectionsMax = 15_000
const forever = 'keepalive_requests 1000000000;'

/**
 * The instances: one nginx on two ports. `/` answers 12 bytes, `/files/64k` and `/files/1m` as much
 * as they say, `/upload` takes what comes.
 *
 * @returns null without nginx.
 */
export async function startBackend(): Promise<Backend | null> {
  const ports = [await freePort(), await freePort()]
  const server = (port: number): string => `server { listen 127.0.0.1:${port} backlog=4096;
    location / { return 200 "hello world\\n"; } location /files/ { root .; } }`
  const arm = await startNginx('backend', {
    http: `access_log off; sendfile on; open_file_cache max=10; client_max_body_size 10m;
      ${forever} ${ports.map(server).join('\n')}`,
    files: { 'files/64k': Buffer.alloc(2 ** 16, 'x'), 'files/1m': Buffer.alloc(2 ** 20, 'x') },
    ports: { port: ports[0] ?? 0, tlsPort: 0 },
    core: loadCore,
  })
  return arm && { ...arm, ports, [Symbol.asyncDispose]: () => arm[Symbol.asyncDispose]() }
}

/** @param accessLog Writes a line of JSON per request, as the proxy does. */
export async function startNginxArm(
  upstreamPorts: readonly number[],
  accessLog = false,
): Promise<Arm | null> {
  const ports = { port: await freePort(), tlsPort: await freePort() }
  const upstreams = upstreamPorts.map((each) => `server 127.0.0.1:${each};`).join(' ')
  const log = accessLog
    ? `log_format line escape=json '{"at":$msec,"id":"$request_id","client":"$remote_addr",` +
      `"method":"$request_method","host":"$host","path":"$request_uri","status":$status,` +
      `"ms":$request_time,"bytes":$bytes_sent,"instance":"$upstream_addr"}';` +
      'access_log access.log line buffer=64k flush=1s;'
    : 'access_log off;'
  const large = 'proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;'
  /** HTTP/2 has no Host field, for which nginx has `$http_host`. */
  const server = (listen: string, host: '$http_host' | '$host'): string => {
    const pass = `proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host ${host}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host ${host};
      proxy_set_header X-Request-Id $request_id; proxy_set_header X-Request-Start "t=$msec";`
    return `server { listen ${listen} backlog=4096;
      location / { ${pass} }
      location /files/ { ${large} ${pass} }
      location /upload { client_body_buffer_size 64k; ${pass} } }`
  }
  const http = `${log} ${forever}
    upstream app { least_conn; ${upstreams} keepalive 256; ${forever} }
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3;
    ${server(`127.0.0.1:${ports.port}`, '$http_host')}
    ${server(`127.0.0.1:${ports.tlsPort} ssl http2`, '$host')}`
  const name = accessLog ? 'nginx, access log' : 'nginx'
  const { certPem, keyPem } = testCertificate
  const files = { 'cert.pem': certPem, 'key.pem': keyPem }
  return await startNginx(name, { http, files, ports, core: proxyCore })
}

async function startNginx(
  name: string,
  options: {
    http: string
    files: Readonly<Record<string, string | Buffer>>
    ports: { port: number; tlsPort: number }
    core: readonly string[]
  },
): Promise<Arm | null> {
  const { http, files, ports, core } = options
  // Else its worker could not read its folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const config = `daemon off; ${user} worker_processes 1; error_log stderr crit; pid nginx.pid;
    events { worker_connections ${connectionsMax}; }
    http { ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${kind};`)
      .join(' ')} ${http} }`
  const args = (dir: string): string[] => ['-p', dir, '-e', 'stderr', '-c', `${dir}/config`]
  const { port } = ports
  const started = await startTool({
    ...{ tool: 'nginx', files: { ...files, config }, args, port, core },
  })
  return started && { name, ...ports, ...handleOf(started) }
}

/** @returns null where there is no HAProxy. */
export async function startHaproxyArm(upstreamPorts: readonly number[]): Promise<Arm | null> {
  const ports = { port: await freePort(), tlsPort: await freePort() }
  const servers = upstreamPorts.map((each, i) => `server s${i} 127.0.0.1:${each}`).join('\n  ')
  const config = `global
  maxconn 4096
  nbthread 1
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${ports.port}
  bind 127.0.0.1:${ports.tlsPort} ssl crt both.pem alpn h2,http/1.1
  default_backend b
backend b
  balance leastconn
  option forwardfor
  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Request-Id %[uuid()]
  ${servers}
`
  const { certPem, keyPem } = testCertificate
  const started = await startTool({
    ...{ tool: 'haproxy', files: { config, 'both.pem': `${certPem}\n${keyPem}` } },
    ...{ args: (dir) => ['-db', '-f', `${dir}/config`], port: ports.port, core: proxyCore },
  })
  return started && { name: 'HAProxy', ...ports, ...handleOf(started) }
}

/** @returns null where there is no Caddy. */
export async function startCaddyArm(upstreamPorts: readonly number[]): Promise<Arm | null> {
  const ports = { port: await freePort(), tlsPort: await freePort() }
  const upstreams = upstreamPorts.map((each) => `127.0.0.1:${each}`).join(' ')
  const pass = `reverse_proxy ${upstreams} {
    lb_policy least_conn
    header_up X-Request-Id {http.request.uuid}
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }`
  const config = `{
  admin off
  auto_https off
  default_sni app.localhost
}
http://:${ports.port} {
  ${pass}
}
https://:${ports.tlsPort} {
  tls cert.pem key.pem
  ${pass}
}
`
  const { certPem, keyPem } = testCertificate
  const started = await startTool({
    ...{ tool: 'caddy', files: { config, 'cert.pem': certPem, 'key.pem': keyPem } },
    args: (dir) => ['run', '--adapter', 'caddyfile', '--config', `${dir}/config`],
    ...{ port: ports.port, core: proxyCore },
  })
  return started && { name: 'Caddy', ...ports, ...handleOf(started) }
}

/** Ours, as the keeper starts it. */
export async function startViaductArm(
  upstreamPorts: readonly number[],
  accessLog = false,
): Promise<Arm> {
  const proxy = await startProxyProcess(routeTable(1, [{ ports: upstreamPorts }]), {
    nodeFlags: proxyNodeFlags,
    proxyFlags: accessLog ? [] : ['--no-access-log'],
    command: proxyCore,
    tls: tlsTable(1),
  })
  return {
    name: accessLog ? 'Viaduct, access log' : 'Viaduct',
    ...{ port: proxy.port, tlsPort: proxy.httpsPort },
    ...handleOf(proxy),
  }
}

function handleOf(started: AsyncDisposable & { readonly pid: number }): AsyncDisposable & {
  readonly pid: number
} {
  return { pid: started.pid, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
}
