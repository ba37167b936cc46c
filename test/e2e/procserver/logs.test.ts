/** A log that is followed from now on: nothing is missed, whatever happens to who serves it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogLineResource } from '../../../packages/viaduct/src/contract/resources.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { openGitApp } from './git-app.ts'

/** Numbered lines, long enough for several rotations in a test. */
const writer = `
let number = 0
setInterval(() => console.log(String(number++) + ' ' + 'x'.repeat(900)), 5)
`

test('logs -f -n 0 goes on through a killed daemon, rotations and a redeploy', async () => {
  await using platform = await startPlatform({
    proxies: 1,
    flags: ['--log-file-max-bytes', '65536', '--log-files-kept', '100'],
  })
  const files = { Procfile: 'worker: node writer.cjs\n', 'writer.cjs': writer }
  const manifest = { routes: [], timeouts: { minUptimeMs: 0 } }
  await using repository = await openGitApp({ ...files, 'viaduct.json': JSON.stringify(manifest) })
  const { client } = platform
  await client.apps.create({ name: 'writer', repo: { url: repository.url } }, { wait: 'ready' })
  const stop = new AbortController()
  const seen = new Map<number | null, number[]>()
  const count = (release: number): number => seen.get(release)?.length ?? 0
  const reading = (async () => {
    const options = { stream: 'stdout', lines: 0, follow: true, signal: stop.signal } as const
    for await (const line of client.logs.read('writer', options)) note(seen, line)
  })()
  await until(() => count(1) > 100)
  process.kill(await platform.daemonPid(), 'SIGKILL')
  const before = count(1)
  await until(() => count(1) > before + 200, { timeoutMs: 30_000 })
  await repository.commit({ 'version.txt': '2' })
  await client.apps.redeploy('writer', { wait: 'ready' })
  await until(() => count(2) > 200, { timeoutMs: 30_000 })
  stop.abort(new Error('enough'))
  await assert.rejects(reading, /enough/)
  for (const [release, numbers] of seen) {
    const first = numbers[0] ?? 0
    const wanted = numbers.map((_, at) => first + at)
    assert.deepEqual(numbers, wanted, `each line of v${release} once, in order`)
  }
  assert.equal(seen.get(2)?.[0], 0, 'a new release is seen from its first line on')
})

function note(seen: Map<number | null, number[]>, { release, text }: LogLineResource): void {
  seen.set(release, [...(seen.get(release) ?? []), Number(text.split(' ')[0])])
}
