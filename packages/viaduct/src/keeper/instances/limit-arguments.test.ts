import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { TestKeeper, testUid } from '../fixtures/test-keeper.ts'

let keeper: TestKeeper
before(async () => {
  keeper = await TestKeeper.start()
})
after(() => keeper[Symbol.asyncDispose]())

async function limitsOf(pid: number): Promise<Record<string, string | undefined>> {
  const text = await readFile(`/proc/${pid}/limits`, 'utf8')
  const hard = (name: string) => new RegExp(`^${name} +(\\S+ +\\S+)`, 'm').exec(text)?.[1]
  return {
    files: hard('Max open files')?.replace(/ +/, ' '),
    processes: hard('Max processes')?.replace(/ +/, ' '),
  }
}

test('the kernel keeps the app to its limits, soft and hard, and not its shim', async () => {
  const { pid } = await keeper.start('a', 'sleep 60', {
    limits: { openFiles: 64, userProcesses: 50 },
  })
  const app = await limitsOf(await keeper.appOf('a'))
  const shim = await limitsOf(pid)
  assert.equal(app['files'], '64 64')
  assert.equal(app['processes'], testUid === null ? shim['processes'] : '50 50')
  assert.notEqual(shim['files'], '64 64')
  const files = 'process.stdin; const fs = require("fs"); for (;;) fs.openSync("/dev/null")'
  await keeper.start('b', `node -e '${files}'`, { limits: { openFiles: 64 } })
  assert.equal((await keeper.exitOf('b')).code, 1)
  assert.ok((await keeper.log()).some((line) => line.includes('EMFILE')))
})

test('processes end at the limit of the user; without a user nothing is limited', async (t) => {
  if (testUid === null) return t.skip('an app has a user of its own only under root')
  const fork = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 30 & done; echo "started $i"; wait'
  const uid = testUid + 1
  const limits = { userProcesses: 6 }
  await keeper.start('c', fork, { ...{ uid, gid: uid, limits } })
  assert.notEqual((await keeper.exitOf('c')).code, 0)
  const log = await keeper.log()
  assert.ok(
    log.some((line) => /fork|Resource temporarily unavailable/.test(line)),
    log.join('\n'),
  )
})

test('more files than the platform may have is refused by number', async () => {
  const limits = { openFiles: 2 ** 30 }
  await assert.rejects(keeper.start('d', 'sleep 1', { limits }), {
    code: 'spawn-failed',
    message: /^d wants limits\.openFiles 1073741824, this platform may have \d+$/,
  })
})
