import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { secondSignalMs } from '../model/limits.ts'
import { ChildTable } from './child-table.ts'
import { isAlive, readProcess } from './process-facts.ts'
import { platformOf, TestKeeper, until } from './fixtures/test-keeper.ts'

test('SIGTERM stops everything in order and leaves nothing but the logs', async () => {
  await using keeper = await TestKeeper.start({ proxies: 2 })
  const { pid } = await keeper.start('web', 'exec sleep 60')
  await keeper.start('deaf', 'setsid sh -c "exec sleep 60" & wait')
  const platform = await platformOf(keeper)
  assert.equal(await keeper.down('SIGTERM'), 0)
  assert.ok(!Object.values(platform).some(isAlive))
  assert.equal(readProcess(pid), null)
  assert.deepEqual(readdirSync(keeper.layout.instances), [])
  const left = readdirSync(keeper.layout.run).filter((name) => /sock|fifo/.test(name))
  assert.deepEqual(left, [])
  const status = await statusOf(keeper.settings.httpPort)
  assert.equal(status, 'ECONNREFUSED')
})

test('SIGTERM gives each app the time that it was started with, also after an adoption', async () => {
  await using keeper = await TestKeeper.start()
  const deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
  await keeper.start('deaf', deaf, { stopTimeoutMs: 100 })
  await until(async () => (await keeper.log()).includes('deaf'), 'the trap')
  await keeper.down('SIGKILL')
  await keeper.up()
  // Waits less than the time of an app that asks for none.
  assert.equal(await keeper.down('SIGTERM'), 0)
})

test('a second SIGINT waits for nobody, and leaves nothing either', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('deaf', "trap '' TERM; while :; do sleep 1; done")
  const app = await keeper.appOf('deaf')
  const rows = (await ChildTable.open(keeper.layout.children)).rows()
  process.kill(keeper.pid, 'SIGINT')
  const stopping = async (): Promise<boolean> => {
    const now = (await ChildTable.open(keeper.layout.children)).rows()
    return now.some((row) => row.kind === 'instance' && row.stopping)
  }
  await until(stopping, 'the stop to begin')
  await delay(secondSignalMs + 100) // An earlier one would be the same one, passed on by npm.
  assert.equal(await keeper.down('SIGINT'), 0)
  assert.ok(!rows.some(isAlive))
  // Its parent is gone, so where nobody collects the dead it stays as a zombie.
  assert.equal(readProcess(app)?.state ?? 'Z', 'Z')
})

test('one keeper per data directory, and the second one names the first', async () => {
  await using keeper = await TestKeeper.start()
  await assert.rejects(startAnother(keeper), new RegExp(`already-running[^]*|pid ${keeper.pid}`))
})

test('a port that is taken is named, and nothing is started', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await until(() => server.listening, 'the server')
  const { port } = server.address() as { port: number }
  await assert.rejects(TestKeeper.start({ apiPort: port }), new RegExp(`Port ${port} .*api-port`))
  server.close()
})

test('two keepers of one user do not share a port', async () => {
  await using keeper = await TestKeeper.start()
  const { httpPort } = keeper.settings
  await assert.rejects(TestKeeper.start({ httpPort }), /port-taken/)
})

test('daemon and proxies are started again, and no connection is refused meanwhile', async () => {
  await using keeper = await TestKeeper.start()
  for (const [name, port] of [
    ['daemon', keeper.settings.apiPort],
    ['proxy-0', keeper.settings.httpPort],
  ] as const) {
    const before = (await platformOf(keeper))[name]
    assert.ok(before)
    const first = await until(() => answerOf(port).catch(() => ''), `${name} to listen`)
    process.kill(before.pid, 'SIGKILL')
    const second = await answerOf(port)
    assert.notEqual(first, second)
    const now = await until(async () => {
      const row = (await platformOf(keeper))[name]
      return row && row.pid !== before.pid ? row : null
    }, 'the new one')
    assert.ok(second.endsWith(String(now.pid)), second)
  }
  const event = keeper.events.findLast((each) => each.event === 'proxies')
  const { proxies } = await keeper.client.call('list', null)
  assert.deepEqual(event?.data, proxies)
})

test('a proxy that keeps dying is started at once, then after waits that double', async () => {
  await using keeper = await TestKeeper.start()
  for (let death = 0; death < 4; death++) {
    const before = (await platformOf(keeper))['proxy-0']
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await until(async () => {
      const row = (await platformOf(keeper))['proxy-0']
      return row && row.pid !== before?.pid
    }, 'the next one')
  }
  const log = await readFile(keeper.layout.platformLog('keeper'), 'utf8')
  const waits = log.split('\n').flatMap((line) => /"restartInMs":([\d.]+)/.exec(line)?.[1] ?? [])
  assert.deepEqual(
    waits.map((wait) => Math.round(Number(wait))),
    [0, 100, 200, 400],
  )
})

test('keeper and daemon may both be killed: the API port waits for the next ones', async () => {
  await using keeper = await TestKeeper.start()
  const { daemon } = await platformOf(keeper)
  await until(() => answerOf(keeper.settings.apiPort).catch(() => ''), 'the daemon to listen')
  await keeper.down('SIGKILL')
  process.kill(daemon?.pid ?? 0, 'SIGKILL')
  const answer = answerOf(keeper.settings.apiPort)
  await keeper.up()
  assert.match(await answer, /^daemon \d+$/)
})

test('a keeper that finds no living proxy binds the port again', async () => {
  await using keeper = await TestKeeper.start()
  const platform = await platformOf(keeper)
  await keeper.down('SIGKILL')
  for (const { pid } of Object.values(platform)) process.kill(pid, 'SIGKILL')
  await keeper.up()
  await keeper.ready()
  assert.match(await answerOf(keeper.settings.httpPort), /^proxy/)
})

test('a daemon that is alone left does not keep the next keeper from its port', async () => {
  await using keeper = await TestKeeper.start()
  const before = await platformOf(keeper)
  keeper.overrides = { apiPort: keeper.settings.apiPort }
  await keeper.down('SIGKILL')
  process.kill(before['proxy-0']?.pid ?? 0, 'SIGKILL')
  await keeper.up()
  await keeper.ready()
  const after = await platformOf(keeper)
  assert.notEqual(after['daemon']?.pid, before['daemon']?.pid)
  const answer = (): Promise<unknown> => answerOf(keeper.settings.apiPort).catch(() => null)
  await until(async () => (await answer()) === `daemon ${after['daemon']?.pid}`, 'the new daemon')
})

test('a proxy that hangs is replaced instead of waited for', async () => {
  await using keeper = await TestKeeper.start()
  const before = (await platformOf(keeper))['proxy-0']
  await keeper.down('SIGKILL')
  process.kill(before?.pid ?? 0, 'SIGSTOP')
  await keeper.up()
  const after = (await platformOf(keeper))['proxy-0']
  assert.notEqual(after?.pid, before?.pid)
  await until(() => before && !isAlive(before), 'the end of the one that hangs')
  await keeper.ready()
  assert.equal(await answerOf(keeper.settings.httpPort), `proxy ${after?.pid}`)
})

test('a table of a newer schema and a damaged one stop the start, untouched', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.down('SIGTERM')
  for (const [text, code] of [
    ['{"schema":2,"children":{}}', /data-newer/],
    ['{"schema":1,"chil', /data-damaged/],
  ] as const) {
    writeFileSync(keeper.layout.children, text)
    await assert.rejects(keeper.up(), code)
  }
  writeFileSync(keeper.layout.children, '{"schema":1,"children":[]}')
})

test('sockets and settings are for the platform’s user only', async () => {
  await using keeper = await TestKeeper.start()
  assert.equal(statSync(keeper.layout.run).mode & 0o777, 0o700)
  assert.equal(statSync(keeper.layout.settings).mode & 0o777, 0o600)
  assert.ok(existsSync(keeper.layout.platformLog('daemon')))
})

async function startAnother(keeper: TestKeeper): Promise<void> {
  const { argv } = keeper
  const { stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 9_000 })
  if (status !== 0) throw new Error(stderr)
}

/** Asks once over a connection of its own. @throws What the connection failed with. */
function answerOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => (answer += String(chunk)))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer.split('\r\n\r\n')[1] ?? ''))
    socket.write('GET / HTTP/1.0\r\n\r\n')
  })
}

async function statusOf(port: number): Promise<string> {
  try {
    return await answerOf(port)
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
