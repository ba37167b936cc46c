import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { InvalidConfigurationError } from '../errors/supervise-error.ts'
import { fixtures } from '../fixtures/fixture-paths.cjs'
import { MasterFactory } from './master-factory.ts'
import type { MasterOptions } from './master-options.ts'

const script = join(fixtures, 'web.cjs')

const wrong: Record<string, unknown>[] = [
  { options: 7, names: 'config' },
  { options: null, names: 'config' },
  { options: {}, names: 'script' },
  { options: { script: 7 }, names: 'script' },
  { options: { script: '/nowhere/app.js' }, names: 'script' },
  { options: { script: fixtures }, names: 'script' },
  { options: { script: `${script}/below` }, names: 'script' },
  { options: { script: 'a\0b' }, names: 'script' },
  { options: { script, command: ['sleep'] }, names: 'command' },
  { options: { command: [] }, names: 'command' },
  { options: { command: ['sleep', 7] }, names: 'command' },
  { options: { script, count: 0 }, names: 'count' },
  { options: { script, count: 1.5 }, names: 'count' },
  { options: { script, count: '2' }, names: 'count' },
  { options: { script, count: 100_000 }, names: 'count' },
  { options: { script, cwd: '/nowhere' }, names: 'cwd' },
  { options: { script, cwd: script }, names: 'cwd' },
  { options: { script, cwd: 'a\0b' }, names: 'cwd' },
  { options: { script, env: [] }, names: 'env' },
  { options: { script, env: { 'A=B': 1 } }, names: 'env' },
  { options: { script, env: { '': 1 } }, names: 'env' },
  { options: { script, env: { A: {} } }, names: 'env.A' },
  { options: { script, env: { A: 'a\0b' } }, names: 'env.A' },
  { options: { script, signals: { reload: 1 } }, names: 'signals.reload' },
  { options: { script, signals: { reload: 'SIGNOTHING' } }, names: 'signals.reload' },
  { options: { script, signals: { stop: 'SIGTERM' } }, names: 'signals.stop' },
  { options: { script, signals: { shutdown: 'SIGKILL' } }, names: 'signals.shutdown' },
  { options: { script, signals: { reload: 'SIGSTOP' } }, names: 'signals.reload' },
  { options: { script, schedulingPolicy: 3 }, names: 'schedulingPolicy' },
  { options: { script, restartTimeout: -1 }, names: 'restartTimeout' },
  { options: { script, statusTimeout: 2 ** 31 }, names: 'statusTimeout' },
  { options: { script, stopTimeout: NaN }, names: 'stopTimeout' },
  { options: { script, whenBusy: 'wait' }, names: 'whenBusy' },
  { options: { script, ready: 'soon' }, names: 'ready' },
  { options: { script, ready: { port: 0 } }, names: 'ready' },
  { options: { script, ready: { http: 'ftp://a' } }, names: 'ready' },
  { options: { command: ['sleep'], ready: 'listening' }, names: 'ready' },
  { options: { script, output: 'file' }, names: 'output' },
  { options: { script, restart: { speed: 1 } }, names: 'restart.speed' },
  { options: { script, health: 1 }, names: 'health' },
  { options: { script, instances: 4 }, names: 'instances' },
]

test('a wrong option is refused with its name, what came and what was wanted', () => {
  for (const { options, names } of wrong) {
    assert.throws(
      () => MasterFactory.create(options as MasterOptions),
      (error) => {
        assert.ok(error instanceof InvalidConfigurationError)
        assert.equal(error.extra.option, names)
        assert.equal(typeof error.extra.given, 'string')
        assert.equal(typeof error.extra.wanted, 'string')
        assert.ok(error.message.includes(String(names)), error.message)
        return true
      },
      JSON.stringify(options),
    )
  }
})

test('defaults are filled in, and the configuration is a copy', () => {
  const master = MasterFactory.create({ script, env: { PORT: 80, DEBUG: undefined } })
  const config = master.getConfig()
  assert.equal(config.count, availableParallelism())
  assert.deepEqual(config.env, { PORT: '80' })
  assert.deepEqual(config.signals, { reload: 'SIGHUP', shutdown: 'SIGTERM' })
  assert.equal(config.schedulingPolicy, 'none')
  assert.notEqual(master.getConfig(), config)
  assert.deepEqual(MasterFactory.create({ script, signals: {} }).getConfig().signals, {})
})

test("workers get this process's options, but not its debugger and its script", () => {
  const own = [...process.execArgv]
  try {
    const words = ['--max-old-space-size=64', '--inspect=0', '-e', 'script', '--no-warnings']
    process.execArgv.splice(0, own.length, ...words)
    const { execArgv } = MasterFactory.create({ script }).getConfig()
    assert.deepEqual(execArgv, ['--max-old-space-size=64', '--no-warnings'])
  } finally {
    process.execArgv.splice(0, process.execArgv.length, ...own)
  }
})

test('the numbers of node:cluster name the scheduling policies', () => {
  const policies = ([1, 2, 'none', 'rr'] as const).map((schedulingPolicy) => {
    return MasterFactory.create({ script, schedulingPolicy }).getConfig().schedulingPolicy
  })
  assert.deepEqual(policies, ['none', 'rr', 'none', 'rr'])
})
