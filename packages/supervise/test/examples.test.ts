/** The examples, run by programs that have the package installed. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { ask, startLoad } from '../src/fixtures/load.ts'
import { isAlive, until } from '../src/fixtures/test-master.ts'
import { BuiltPackage, findOlderNode, run } from './built-package.ts'

type Example = ChildProcessByStdio<null, Readable, null>

const workers = { 'simple-app': 1, 'single-app-cluster': 4, 'multi-app-cluster': 8 }
const ports = { 'simple-app': 2103, 'single-app-cluster': 2099, 'multi-app-cluster': 2102 }

async function withExample(
  built: BuiltPackage,
  name: string,
  use: (example: { child: Example; text: () => string }) => Promise<void>,
): Promise<void> {
  const node = findOlderNode() ?? process.execPath
  const child = spawn(node, [join(built.folder, 'examples', `${name}.js`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  try {
    await use({ child, text: () => text })
    child.kill('SIGINT')
    assert.deepEqual(await exited, [0, null])
  } finally {
    child.kill('SIGKILL')
  }
}

function lines(text: string): string[] {
  return (text.split('---\n').at(-2) ?? '').trim().split('\n')
}

test('the examples', async (t) => {
  await using built = await BuiltPackage.build()
  for (const name of ['simple-app', 'single-app-cluster', 'multi-app-cluster'] as const) {
    await t.test(name, async () => {
      await withExample(built, name, async ({ text }) => {
        await until('statuses are shown', () => text().includes('---'))
        assert.equal(lines(text()).length, workers[name])
        assert.ok(
          lines(text()).every((line) => /^\[\w+-\d\]: STARTED$/.test(line)),
          text(),
        )
        assert.equal(await ask(ports[name]), name)
      })
    })
  }
  await t.test('runtime-scaling', async () => {
    await withExample(built, 'runtime-scaling', async ({ text }) => {
      const count = (name: string) => lines(text()).filter((line) => line.includes(name)).length
      await until('four and two', () => count('foo') === 4 && count('bar') === 2)
      const started = () => lines(text()).every((line) => line.endsWith('STARTED'))
      await until('two and four', () => count('foo') === 2 && count('bar') === 4 && started())
    })
  })
  await t.test('graceful-reload', async () => {
    await withExample(built, 'graceful-reload', async ({ child, text }) => {
      await until('statuses are shown', () => text().includes('---'))
      const before = await childrenOf(child.pid ?? 0)
      assert.equal(before.length, 5)
      const load = startLoad(2107, 10)
      await until('all are replaced', () => !before.some(isAlive))
      const { failures } = await load.stop()
      assert.deepEqual(failures, [])
      assert.equal((await childrenOf(child.pid ?? 0)).length, 5)
    })
  })
})

/** But for the shell that guards them. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const pids = text.split(' ').filter(Boolean).map(Number)
  const names = await Promise.all(pids.map((child) => readFile(`/proc/${child}/comm`, 'utf8')))
  return pids.filter((_, index) => names[index] !== 'sh\n')
}

test('import and require give the same library, also to TypeScript', async () => {
  await using built = await BuiltPackage.build()
  const script = `
    const required = require('@viaduct/supervise')
    import('@viaduct/supervise').then((imported) => {
      const same = Object.keys(required).filter((name) => required[name] === imported[name])
      console.log(same.length, Object.keys(imported).length)
    })`
  for (const node of new Set([process.execPath, findOlderNode() ?? process.execPath])) {
    const { output } = await run(node, ['-e', script], { cwd: built.folder })
    const [same, all] = output.trim().split(' ').map(Number)
    assert.ok(same! > 10, output)
    assert.equal(same, all)
  }
})
