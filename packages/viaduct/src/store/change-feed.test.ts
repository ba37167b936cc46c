import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { ChangeFeed } from './change-feed.ts'
import type { Change } from './store.ts'

function put(revision: number): Change {
  return { type: 'put', entry: { key: 'a/b', value: 1, revision } }
}

test('a closed feed tells nobody', () => {
  const feed = new ChangeFeed()
  const seen: Change[] = []
  feed.watch('a/', (change) => seen.push(change), 0)
  feed.publish([put(1)])
  feed.close()
  feed.publish([put(2)])
  assert.deepEqual(seen, [put(1)])
})

test('a watcher that throws ends its process, not the write nor the other watchers', async () => {
  const source = `
    const { ChangeFeed } = await import(${JSON.stringify(import.meta.resolve('./change-feed.ts'))})
    const feed = new ChangeFeed()
    feed.watch('a/', () => { throw new Error('a bug') }, 0)
    feed.watch('a/', () => console.log('told'), 0)
    feed.publish([{ type: 'delete', key: 'a/b', revision: 1 }])
    console.log('written')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (errors += chunk))
  const [code] = await once(child, 'close')
  assert.equal(output, 'told\nwritten\n')
  assert.equal(code, 1)
  assert.match(errors, /a bug/)
})
