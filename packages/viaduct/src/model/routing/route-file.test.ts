import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppName } from '../ids.ts'
import { parseRouteFile, renderRouteLine } from './route-file.ts'
import type { AppRoute, RouteChange, RouteTable } from './route.ts'

const route = (app: string, port: number | null = null): AppRoute => ({
  app: app as AppName,
  release: null,
  matches: [],
  port,
  upstreams: [],
  whenEmpty: 'hold',
  holdTimeoutMs: 1,
  holdMaxRequests: 1,
})
const table: RouteTable = {
  schema: 2,
  generation: 1,
  apps: [route('a'), route('b')],
  defaultApp: null,
}
const changes: RouteChange[] = [
  { generation: 3, previous: 1, set: [route('c')], removed: ['a' as AppName], defaultApp: null },
  { generation: 4, previous: 3, set: [route('b', 80)], removed: [], defaultApp: 'b' as AppName },
]
const text = renderRouteLine(table) + changes.map(renderRouteLine).join('')

test('a file is its table with every change; what was cut off was never acknowledged', () => {
  const whole = parseRouteFile(text, 'f')
  assert.deepEqual(whole.apps, [route('b', 80), route('c')])
  assert.deepEqual([whole.generation, whole.defaultApp], [4, 'b'])
  const first = renderRouteLine(table).length
  const second = first + renderRouteLine(changes[0] as RouteChange).length
  for (let end = first - 1; end < text.length; end++) {
    const { generation } = parseRouteFile(text.slice(0, end), 'f')
    assert.equal(generation, end < second ? 1 : 3, `cut at ${end}`)
  }
})

test('damage before the last line, and a newer schema, are refused', () => {
  const [first, second, third] = text.split('\n')
  const bad = (lines: (string | undefined)[], code: string): void => {
    assert.throws(() => parseRouteFile(`${lines.join('\n')}\n`, 'f'), { code })
  }
  bad([first, '{"generation":', third], 'data-damaged')
  bad([first, third], 'data-damaged')
  bad(['{}', second], 'data-damaged')
  bad(['', second], 'data-damaged')
  bad([first?.replace('"schema":2', '"schema":3')], 'data-newer')
  assert.equal(parseRouteFile(`${first}\n${'\0'.repeat(20)}\n`, 'f').generation, 1)
})

test('a table of host names only becomes one of routes', () => {
  const { matches: _matches, port: _port, ...rest } = route('a')
  const old = { schema: 1, generation: 9, apps: [{ ...rest, hosts: ['a.de'] }], defaultApp: null }
  const [app] = parseRouteFile(JSON.stringify(old), 'f').apps
  assert.deepEqual(app?.matches, [{ host: 'a.de', path: '/', stripPath: false }])
  assert.equal(app?.port, null)
})
