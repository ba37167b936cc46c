import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SharedWriters } from '../../logs/shared-writers.ts'
import type { ProcessSpec } from '../../wire/keeper-protocol.ts'
import { Buses } from '../bus/buses.ts'
import { cgroupName, probeCgroup, removeCgroup } from '../cgroup.ts'
import { ChildTable } from '../child-table.ts'
import { testUid, until } from '../fixtures/test-keeper.ts'
import { readProcess } from '../process-facts.ts'
import { OwnPorts } from '../own-ports.ts'
import { Instances } from './instances.ts'

const folder = await mkdtemp(join(tmpdir(), 'viaduct-instances-'))
await chmod(folder, 0o711) // Apps run under another user.
after(async () => {
  await rm(folder, { recursive: true })
  if (probe.usable) removeCgroup(probe.base)
})
const probe = await probeCgroup({ name: cgroupName(folder) })

/** Five processes, each in a session or group of its own but one; two of them are orphans. */
const escaping = `
trap '' TERM
setsid sh -c 'echo "pid $$"; sleep 70 & echo "pid $!"; wait' &
(setsid sh -c 'trap "" TERM; (sleep 70 & echo "pid $!"); echo "pid $$"; sleep 70' &)
(sleep 70 & echo "pid $!")
wait`

for (const { name, cgroupBase } of [
  { name: 'a control group', cgroupBase: probe.usable ? probe.base : undefined },
  { name: 'a scan of /proc', cgroupBase: null },
]) {
  test(`stop reaches descendants that left session and parent, by ${name}`, async (t) => {
    if (cgroupBase === undefined) return t.skip(probe.usable ? '' : `no cgroup: ${probe.reason}`)
    const logFile = join(folder, `${cgroupBase ? 'cgroup' : 'scan'}.log`)
    const instances = new Instances({
      ownPorts,
      ...{ folder, buses, cgroupBase, emit: () => undefined },
      table: await ChildTable.open(join(folder, 'children.json')),
      writers: new SharedWriters({ maxBytes: 1e6, filesKept: 1 }),
    })
    const id = cgroupBase ? 'with' : 'without'
    await instances.start(spec({ id, command: escaping, logFile }))
    const pids = await until(async () => {
      const found = (await readFile(logFile, 'utf8').catch(() => '')).match(/(?<=pid )\d+/g) ?? []
      return found.length === 5 ? found.map(Number) : null
    }, 'five processes')
    const known = instances.get(id).pids()
    assert.ok(pids.every((pid) => known.includes(pid)))

    const exit = await instances.get(id).stop(100)
    assert.equal(exit.killed, true)
    for (const pid of pids) assert.equal(readProcess(pid)?.state ?? 'Z', 'Z')
    assert.deepEqual(instances.get(id).pids(), [])
    await instances.forget(id)
  })
}

const buses = new Buses({
  run: folder,
  pathOf: (id) => join(folder, `bus-${id}`),
  log: () => undefined,
})
const ownPorts = new OwnPorts({ host: '127.0.0.1', taken: new Map() })

test('an instance can be stopped, and its end is told, when the table cannot be written', async () => {
  const path = join(folder, 'full.json')
  const told: string[] = []
  const emit = (event: string): void => void told.push(event)
  const instances = new Instances({
    ownPorts,
    ...{ folder, buses, cgroupBase: null, emit, table: await ChildTable.open(path) },
    writers: new SharedWriters({ maxBytes: 1e6, filesKept: 1 }),
  })
  const logFile = join(folder, 'full.log')
  await instances.start(spec({ id: 'full', command: 'exec sleep 60', logFile }))
  await rm(path)
  await mkdir(join(path, 'in-the-way'), { recursive: true })
  const exit = await instances.get('full').stop(1_000)
  assert.equal(exit.reason, 'stopped-by-us')
  assert.deepEqual(told, ['exited'])
  await rm(path, { recursive: true })
  await instances.forget('full')
})

test('a number that a stranger has by now is never signalled', async () => {
  const table = await ChildTable.open(join(folder, 'strangers.json'))
  const instances = new Instances({
    ownPorts,
    ...{ folder, buses, cgroupBase: null, emit: () => undefined, table },
    writers: new SharedWriters({ maxBytes: 1e6, filesKept: 1 }),
  })
  const me = readProcess(process.ppid)
  assert.ok(me)
  // As if the shim had had the pid that now is our parent's.
  await instances.adopt({
    ...{ kind: 'instance', id: 'old', pid: me.pid, startTime: me.startTime - 1, bootId: 'x' },
    ...{ startedAt: 0, cgroup: null, logFile: join(folder, 'x.log'), logSource: 'x' },
    ...{ emitOutput: false, labels: {}, stopping: false, exit: null },
  })
  const exit = await instances.get('old').exited()
  assert.deepEqual([exit.reason, exit.code, exit.signal], ['signal', null, null])
  assert.notEqual(readProcess(me.pid), null)
})

test('an exit is told though a stranger holds the output open, whose lines still come', async () => {
  const told: string[] = []
  const emit = (event: string): void => void told.push(event)
  const instances = new Instances({
    ownPorts,
    ...{ folder, buses, cgroupBase: null, emit },
    table: await ChildTable.open(join(folder, 'stranger.json')),
    writers: new SharedWriters({ maxBytes: 1e6, filesKept: 1 }),
  })
  const logFile = join(folder, 'stranger.log')
  const go = join(folder, 'go')
  // Without the variable, its session and its parent nothing tells whose it is.
  const command = `
    env -i setsid sh -c 'until [ -e "${go}" ]; do /bin/sleep 0.02; done; echo late' &
    until [ "$(cut -d' ' -f6 /proc/$!/stat)" = $! ]; do sleep 0.02; done
    exit 3`
  await instances.start(spec({ id: 'stranger', command, logFile }))
  const exit = await instances.get('stranger').exited()
  assert.deepEqual([exit.code, told], [3, ['exited']])
  await writeFile(go, '')
  await instances.forget('stranger')
  assert.match(await readFile(logFile, 'utf8'), /late/)
})

function spec(own: { id: string; command: string; logFile: string }): ProcessSpec {
  return {
    ...own,
    ...{ cwd: '/', env: { PATH: '/usr/bin:/bin' }, uid: testUid, gid: testUid, nice: 0 },
    ...{ logSource: 'web.1', ipc: false, emitOutput: false, stopTimeoutMs: 1_000, labels: {} },
  }
}
