import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppName } from '../../model/ids.ts'
import { parseRouteMatch, type WrittenRoute } from '../../model/routing/route-match.ts'
import type { AppRoute, RouteTable } from '../../model/routing/route.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { Router } from './router.ts'

interface TestApp {
  readonly routes?: readonly (string | WrittenRoute)[]
  readonly port?: number
  readonly portMode?: 'tls' | 'direct'
}

function tableOf(apps: Record<string, TestApp>, defaultApp: string | null = null): RouteTable {
  const routes = Object.entries(apps).map(([app, { routes: written = [], ...rest }]) => {
    const matches = written.map((one) =>
      parseRouteMatch(typeof one === 'string' ? { host: one } : one),
    )
    return { app, matches, ports: [], ...rest }
  })
  return routeTable(1, routes, { defaultApp })
}

const apps: Record<string, TestApp> = {
  site: { routes: ['example.com', { host: '*.example.com', path: '/docs' }], port: 8001 },
  blog: { routes: [{ host: 'example.com', path: '/blog', strip: true }] },
  comments: { routes: [{ host: 'example.com', path: '/blog/comments' }] },
  wild: { routes: ['*.example.com'] },
  deep: { routes: [{ host: '*.eu.example.com', path: '/' }] },
  only: { routes: [{ host: 'paths.example.com', path: '/only' }] },
  zebra: { routes: ['^shop[0-9]+\\.'] },
  alpha: { routes: ['^shop1\\.', { host: '^api\\.', path: '/v1' }] },
  named: { routes: [{ path: '/named', strip: true }, { path: '/a%20b' }] },
  fallback: {},
}

/** URL without scheme (or port, header and URL) → app, and what the app sees when that differs. */
const cases: readonly [string, string | null, string?][] = [
  // Exact host, and within it the longest path
  ['example.com/', 'site'],
  ['example.com/blog', 'blog', '/'],
  ['example.com/blog/', 'blog', '/'],
  ['example.com/blog?x=1', 'blog', '/?x=1'],
  ['example.com/blog/post?x=/blog', 'blog', '/post?x=/blog'],
  ['example.com/blog/comments', 'comments'],
  ['example.com/blog/comments/7', 'comments'],
  ['example.com/blog/commentsX', 'blog', '/commentsX'],
  ['example.com/blogs', 'site'],
  ['example.com/?/blog', 'site'],
  // The raw path, byte for byte
  ['example.com/Blog', 'site'],
  ['example.com/%62log', 'site'],
  ['example.com//blog', 'site'],
  ['example.com/./blog', 'site'],
  ['example.com/blog/../admin', 'blog', '/../admin'],
  ['example.com/blog//x', 'blog', '//x'],
  ['example.com/blog%2Fx', 'site'],
  ['x.org/a%20b/c', 'named'],
  ['example.com*', 'site'],
  // Wildcards: one label or more, the longest suffix first; no path there, the next one
  ['a.example.com/', 'wild'],
  ['a.b.example.com/', 'wild'],
  ['a.example.com/docs/x', 'site'],
  ['a.eu.example.com/', 'deep'],
  ['a.eu.example.com/docs', 'deep'],
  ['eu.example.com/', 'wild'],
  ['notexample.com/', 'fallback'],
  ['.example.com/', 'wild'],
  // An exact host without a path for it goes on to the next best
  ['paths.example.com/only', 'only'],
  ['paths.example.com/other', 'wild'],
  // Regular expressions by app name; found anywhere in the name
  ['shop1.org/', 'alpha'],
  ['shop12.org/', 'zebra'],
  ['myshop1.org/', 'fallback'],
  ['api.org/v1/x', 'alpha'],
  ['api.org/v2', 'fallback'],
  ['shop1.example.com/', 'wild'],
  // Any host, by path; then the default app
  ['anything/named', 'named', '/'],
  ['anything/named/x', 'named', '/x'],
  ['shop1.org/named', 'alpha'],
  ['api.org/named', 'named', '/'],
  ['anything/names', 'fallback'],
  [`${'a.'.repeat(200)}example.com/`, 'fallback'],
]

test('the best host that has a path for the request wins, then the default app', () => {
  const router = new Router()
  router.apply(tableOf(apps, 'fallback'))
  for (const [url, app, seen] of cases) {
    const { hostname, target } = split(url)
    const way = router.find({ hostname, target, appHeader: 'blog' })
    assert.equal(way?.app.name ?? null, app, url)
    assert.equal(way?.prefix === '' ? undefined : stripped(target, way?.prefix), seen, url)
  }
})

test('without a default app an unknown host is nowhere', () => {
  const router = new Router()
  router.apply(tableOf(apps))
  assert.equal(router.find({ hostname: 'x.org', target: '/', appHeader: '' }), null)
})

test('X-App comes before hosts where it is switched on', () => {
  const router = new Router({ usesAppHeader: true })
  router.apply(tableOf(apps, 'fallback'))
  const find = (url: string, appHeader: string): string | null =>
    router.find({ ...split(url), appHeader })?.app.name ?? null
  assert.equal(find('example.com/blog', 'wild'), 'wild')
  assert.equal(find('example.com/blog', 'nobody'), null)
  assert.equal(find('example.com/blog', 'wild,site'), null)
  assert.equal(find('example.com/blog', ''), 'blog')
})

test('changes come to the same as a table of their own', () => {
  const names = Object.keys(apps)
  const random = randomFrom(7)
  const changed = new Router()
  const now: Record<string, TestApp> = {}
  changed.apply({ ...tableOf(now), generation: 1 })
  for (let generation = 2; generation < 300; generation++) {
    const name = names[Math.floor(random() * names.length)] as AppName
    const isRemoved = random() < 0.3 && now[name] !== undefined
    if (isRemoved) delete now[name]
    // Now and then with one way less, so that ways come and go while the app stays.
    else
      now[name] =
        random() < 0.5 ? (apps[name] as TestApp) : { routes: (apps[name]?.routes ?? []).slice(1) }
    const table = { ...tableOf(now), generation }
    const set = table.apps.filter(({ app }) => app === name)
    const removed = isRemoved ? [name] : []
    assert.ok(
      changed.change({ generation, previous: generation - 1, set, removed, defaultApp: null }),
    )
    const whole = new Router()
    whole.apply(table)
    for (const [url] of cases) {
      const routed = { ...split(url), appHeader: '' }
      assert.equal(
        changed.find(routed)?.app.name,
        whole.find(routed)?.app.name,
        `${url} ${generation}`,
      )
    }
  }
})

test('a change that does not follow on the generation in force is refused', () => {
  const router = new Router()
  router.apply({ ...tableOf(apps), generation: 5 })
  const change = { set: [], removed: [], defaultApp: null }
  assert.equal(router.change({ generation: 7, previous: 6, ...change }), false)
  assert.equal(router.change({ generation: 5, previous: 5, ...change }), false)
  assert.equal(router.generation, 5)
  assert.equal(router.change({ generation: 6, previous: 5, ...change }), true)
})

test('instances that a change leaves out get no more requests, those of others do', () => {
  const router = new Router()
  router.apply(
    routeTable(1, [
      { app: 'one', ports: [1, 2] },
      { app: 'two', ports: [3] },
    ]),
  )
  const [one, two] = [...router.upstreams]
  const other = [...router.apps][1]
  one?.claim({ claimAt: -1, cut: () => {} })
  const [next] = routeTable(2, [{ app: 'one', ports: [9] }]).apps as [AppRoute]
  router.change({ generation: 2, previous: 1, set: [next], removed: [], defaultApp: null })
  assert.deepEqual([...router.upstreams].map(({ port }) => port).sort(), [1, 3, 9])
  assert.equal(one?.isRouted, false)
  assert.equal(two?.isRouted, false)
  assert.equal([...router.apps][1], other)
  assert.equal([...router.apps][1]?.upstreams[0]?.isRouted, true)
})

function split(url: string): { hostname: string; target: string } {
  const at = url.search(/[/*]/)
  return { hostname: url.slice(0, at), target: url.slice(at) }
}

function stripped(target: string, prefix = ''): string {
  const rest = target.slice(prefix.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The same numbers each time. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return state / 0x7fffffff
  }
}

test('a way by an own port stays open until the port changes hands, or the app accepts', () => {
  const router = new Router()
  let generation = 0
  const wayAfter = (apps: Parameters<typeof tableOf>[0]) => {
    router.apply({ ...tableOf(apps), generation: ++generation })
    return router.ownWays.get(8001) ?? null
  }
  const first = wayAfter({ a: { port: 8001 } }) ?? assert.fail()
  assert.deepEqual([first.app.name, first.isTls, first.isOpen], ['a', false, true])
  assert.equal(wayAfter({ a: { port: 8001, routes: ['more.test'] } }), first)
  const second = wayAfter({ a: { port: 8001, portMode: 'tls' } }) ?? assert.fail()
  assert.deepEqual([first.isOpen, second.isOpen, second.isTls], [false, true, true])
  assert.equal(wayAfter({ a: { port: 8001, portMode: 'direct' } }), null)
  assert.equal(second.isOpen, false)
  assert.deepEqual([...router.directPorts], [8001])
  const third = wayAfter({ a: { port: 8001 } }) ?? assert.fail()
  const fourth = wayAfter({ a: {}, b: { port: 8001 } }) ?? assert.fail()
  assert.deepEqual([third.isOpen, third.app.name, fourth.app.name], [false, 'a', 'b'])
  assert.equal(wayAfter({ a: {} }), null)
  assert.equal(fourth.isOpen, false)
  assert.deepEqual([...router.directPorts], [])
})

test('one regular expression alone is looked at, too', () => {
  const router = new Router()
  router.apply(tableOf({ a: { routes: ['^shop[0-9]+\\.'] } }))
  const find = (hostname: string) => router.find({ hostname, target: '/', appHeader: '' })
  assert.equal(find('shop7.example.com')?.app.name, 'a')
  assert.equal(find('shop.example.com'), null)
})

test('what another app asks for too stays with the one that had it, also when the other one goes', () => {
  for (const route of ['example.com', { host: 'example.com', path: '/blog' }]) {
    const router = new Router()
    const appAt = (): string | undefined =>
      router.find({ hostname: 'example.com', target: '/blog', appHeader: '' })?.app.name
    const both = tableOf({ first: { routes: [route], port: 9_000 }, second: { routes: [route] } })
    router.apply(both)
    assert.equal(appAt(), 'first')
    router.apply({ ...both, generation: 2, apps: both.apps.slice(0, 1) })
    assert.equal(appAt(), 'first')
  }
})

test('a port that goes from one app to another leads to that one', () => {
  const router = new Router()
  const appAt = (): string | undefined => router.ownWays.get(9_000)?.app.name
  router.apply(tableOf({ first: { port: 9_000 }, second: {} }))
  router.apply({ ...tableOf({ first: {}, second: { port: 9_000 } }), generation: 2 })
  assert.equal(appAt(), 'second')
  router.apply({ ...tableOf({ second: { port: 9_000 } }), generation: 3 })
  assert.equal(appAt(), 'second')
})

test('a name that a regular expression had belongs to nobody when that is gone', () => {
  const router = new Router()
  const appAt = (): string | undefined =>
    router.find({ hostname: 'shop1.test', target: '/', appHeader: '' })?.app.name
  router.apply(tableOf({ alpha: { routes: ['^shop1'] }, beta: { routes: ['^shop'] } }))
  assert.equal(appAt(), 'alpha')
  router.apply({ ...tableOf({ beta: { routes: ['^shop'] } }), generation: 2 })
  assert.equal(appAt(), 'beta')
})

test('an instance that comes back at another port is another one', () => {
  const router = new Router()
  const [app] = routeTable(1, [{ ports: [1] }]).apps as [AppRoute]
  const apply = (generation: number, port: number): void => {
    const upstreams = [{ ...app.upstreams[0], port }] as AppRoute['upstreams']
    const apps = [{ ...app, upstreams }]
    router.apply({ ...routeTable(generation, []), apps, defaultApp: app.app })
  }
  apply(1, 1)
  apply(2, 2)
  assert.deepEqual(
    [...router.upstreams].map(({ port }) => port),
    [2],
  )
})
