import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { InvalidClusterContextError } from '../errors/supervise-error.ts'
import { fixtures, library } from '../fixtures/fixture-paths.cjs'
import { ask } from '../fixtures/load.ts'
import { freePort } from '../fixtures/test-master.ts'
import { MessageBus } from './message-bus.ts'

/** Some test runners give their tests a channel; these tests want none. */
function withoutChannel(act: () => void): void {
  const { send } = process
  Reflect.set(process, 'send', undefined)
  try {
    act()
  } finally {
    Reflect.set(process, 'send', send)
  }
}

test('outside a worker it says what was wanted', () => {
  withoutChannel(() => {
    assert.throws(
      () => new MessageBus(),
      (error) => {
        assert.ok(error instanceof InvalidClusterContextError)
        return 'given' in error.extra && 'wanted' in error.extra
      },
    )
  })
})

test('stand-alone it does nothing, by option', async () => {
  const listeners = process.listeners('SIGTERM')
  let bus: MessageBus | undefined
  withoutChannel(() => (bus = new MessageBus({ standalone: true })))
  await bus?.sendStarted()
  await bus?.sendMessage({ a: 1 })
  await assert.rejects(bus!.request('anything'), { code: 'ERR_TIMEOUT' })
  assert.equal(bus?.isWorker, false)
  assert.equal(bus?.workerId, null)
  assert.deepEqual(process.listeners('SIGTERM'), listeners, 'signals are left alone')
})

test('under another parent it speaks the same words', async () => {
  const port = await freePort()
  const child = spawn(process.execPath, [join(fixtures, 'web.cjs')], {
    env: { ...process.env, LIBRARY: library, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const heard: unknown[] = []
    const next = async (): Promise<unknown> => {
      const [message] = (await once(child, 'message')) as [unknown]
      heard.push(message)
      return message
    }
    assert.deepEqual(await next(), { event: 'status-changed', payload: 3 })
    assert.equal(await ask(port), String(child.pid))
    child.kill('SIGTERM') // Is left to the parent's message.
    child.send('stop')
    assert.deepEqual(
      [await next(), await next()],
      [
        { event: 'status-changed', payload: 4 },
        { event: 'status-changed', payload: 5 },
      ],
    )
    child.send('quit')
    const [code] = (await once(child, 'exit')) as [number]
    assert.equal(code, 0)
  } finally {
    child.kill('SIGKILL')
  }
})
