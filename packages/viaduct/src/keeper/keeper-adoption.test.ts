import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { ChildTable } from './child-table.ts'
import { isAlive, readProcess } from './process-facts.ts'
import { platformOf, TestKeeper, until } from './fixtures/test-keeper.ts'

const ipcApp = fileURLToPath(new URL('./fixtures/ipc-app.js', import.meta.url))
const counter = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.02; done'

test('a keeper that was killed finds everything as it left it', async () => {
  await using keeper = await TestKeeper.start({ proxies: 2 })
  const before = await keeper.start('web', counter, { labels: { app: 'test', ordinal: 1 } })
  const app = await keeper.appOf('web')
  const platform = await platformOf(keeper)
  await until(async () => (await keeper.log()).length > 3, 'some lines')

  await keeper.down('SIGKILL')
  await keeper.up()

  const state = await keeper.client.call('list', null)
  assert.deepEqual(state.processes, [{ ...before, adopted: true }])
  assert.equal(await keeper.appOf('web'), app)
  assert.deepEqual(await platformOf(keeper), platform)
  assert.deepEqual(Object.keys(platform).toSorted(), ['daemon', 'proxy-0', 'proxy-1'])
  assert.ok(Object.values(platform).every(isAlive))
  const pids = state.proxies.map((proxy) => proxy.pid)
  assert.deepEqual(pids, [platform['proxy-0']?.pid, platform['proxy-1']?.pid])

  const seen = (await keeper.log()).length
  await until(async () => (await keeper.log()).length > seen + 3, 'more lines')
  await keeper.client.call('stop', { id: 'web', stopTimeoutMs: 2_000 })
  const lines = (await keeper.log()).filter((line) => line.startsWith('line '))
  const numbers = lines.map((line) => Number(line.split(' ')[1]))
  // What the killed keeper had read and not written yet is at most one chunk, here a line or two.
  const lost = (numbers.at(-1) ?? 0) - numbers.length
  assert.ok(lost >= 0 && lost <= 2, `${lost} lost: ${numbers.join(' ')}`)
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  )
})

test('last words and exit code of an app that died without a keeper are known', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start(
    'long',
    'read -r up _ </proc/uptime; sleep 0.3; echo last words; echo really >&2; exit 7',
  )
  const app = await keeper.appOf('long')
  await keeper.down('SIGKILL')
  await until(() => (readProcess(app)?.state ?? 'Z') === 'Z', 'the death of the app')
  await keeper.up()
  const exit = await until(async () => {
    const { processes } = await keeper.client.call('list', null)
    return processes.find(({ id }) => id === 'long')?.exit
  }, 'the exit')
  assert.deepEqual([exit.reason, exit.code, exit.killed], ['code', 7, false])
  assert.ok((await keeper.log()).includes('last words'))
  assert.ok((await keeper.log()).includes('really'))
})

test('an app with an IPC channel sees no disconnect when the keeper is killed', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('ipc', `node ${ipcApp} none`, { ipc: true })
  await until(async () => (await keeper.log()).includes('ready'), 'the app')
  const app = await keeper.appOf('ipc')
  await keeper.down('SIGKILL')
  await keeper.up()
  assert.equal(await keeper.appOf('ipc'), app)
  assert.equal(await keeper.client.call('send', { id: 'ipc', message: 'x' }), false)
  const exit = await keeper.client.call('stop', { id: 'ipc', stopTimeoutMs: 5_000 })
  assert.deepEqual([exit.reason, exit.code], ['stopped-by-us', 15])
})

test('an exit that nobody asked for yet is still known after the keeper was killed', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('done', 'exit 3')
  const exit = await keeper.exitOf('done')
  await keeper.down('SIGKILL')
  await keeper.up()
  const { processes } = await keeper.client.call('list', null)
  assert.deepEqual(processes[0]?.exit, exit)
  await keeper.client.call('forget', { id: 'done' })
  assert.deepEqual((await keeper.client.call('list', null)).processes, [])
})

test('what killed processes left in the run folder is removed, and what lives is not', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('lives', 'exec sleep 60', { ipc: true })
  const { layout } = keeper
  const before = (await readdir(layout.run)).toSorted()
  await keeper.down('SIGKILL')
  // A start that the keeper died in, just before it let the shim go.
  const table = await ChildTable.open(layout.children)
  const row = table.rows().find((each) => each.kind === 'instance')
  assert.ok(row?.kind === 'instance')
  await table.put({ ...row, id: 'unborn', pid: 4_194_304 })
  for (const id of ['unborn', 'half']) await mkdir(join(layout.instances, id))
  await writeFile(join(layout.instances, 'unborn', 'exit'), 'none\n')
  const left = ['proxy-0-4194304.sock', 'handback-0-4194304.sock', 'ipc-4194304-1.sock']
  left.push('bus-4194304-2.sock')
  for (const name of [...left, '.children.json.abc.tmp'])
    await writeFile(join(layout.run, name), '')
  await writeFile(layout.bus('half'), '')
  await keeper.up()
  assert.deepEqual((await readdir(layout.run)).toSorted(), before)
  assert.deepEqual(await readdir(layout.instances), ['lives'])
  assert.deepEqual(await readdir(layout.buses), [basename(layout.bus('lives'))])
  const { processes } = await keeper.client.call('list', null)
  assert.deepEqual(
    processes.map(({ id }) => id),
    ['lives'],
  )
})

test('whoever lists the processes is told of a start that is under way', async () => {
  await using keeper = await TestKeeper.start()
  const starting = keeper.start('begun', 'exec sleep 60')
  const { processes } = await keeper.client.call('list', null)
  assert.deepEqual(processes, [await starting])
})

test('SIGUSR2 makes the keeper leave with everything running', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('web', counter)
  const app = await keeper.appOf('web')
  const platform = await platformOf(keeper)
  assert.equal(await keeper.down('SIGUSR2'), 0)
  assert.ok(Object.values(platform).every(isAlive))
  assert.notEqual(readProcess(app), null)
  await keeper.up()
  assert.equal(await keeper.appOf('web'), app)
  assert.deepEqual(await platformOf(keeper), platform)
})

test('daemon and proxies with other settings are replaced without closing the port', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('web', counter)
  const app = await keeper.appOf('web')
  const before = await platformOf(keeper)
  await keeper.down('SIGUSR2')
  keeper.overrides = { holdTimeoutMs: 2_000 }
  await keeper.up()
  const after = await platformOf(keeper)
  for (const name of ['daemon', 'proxy-0']) assert.notEqual(after[name]?.pid, before[name]?.pid)
  await until(() => !Object.values(before).some(isAlive), 'the old ones to leave')
  assert.ok(Object.values(after).every(isAlive))
  assert.equal(await keeper.appOf('web'), app)
  assert.deepEqual(await platformOf(keeper), after)
})
