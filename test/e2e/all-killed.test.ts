/** The platform's own processes killed while apps live: what users have open goes on. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { copyFixture } from './harness/fixture-app.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { startPlatform, viaductCommand } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

/** From the start of `viaduct up` to the first answer, on a machine that does other things too. */
const servedMaxMs = 10_000

test('keeper, daemon and proxies killed together: the next start serves with the same instances', async (t) => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  await platform.run('scale', 'web=2', '--app', 'good')
  const instances = async () => {
    const all = await platform.client.apps.instances('good')
    const ready = all.filter(({ state }) => state === 'ready')
    return ready.map(({ id, pid }) => `${id} ${pid}`).toSorted()
  }
  const before = await instances()
  assert.equal(before.length, 2)
  for (const line of before) {
    const name = await readFile(`/proc/${line.split(' ')[1]}/comm`, 'utf8')
    assert.match(name, /^(node|MainThread)\n$/, 'ps shows the app, not its shim')
  }

  const daemon = await platform.daemonPid()
  for (const pid of [platform.keeperPid(), daemon, ...(await platform.proxyPids())]) {
    process.kill(pid, 'SIGKILL')
  }
  await assert.rejects(fetchApp(platform.url('good')))
  const startedAt = performance.now()
  const served = until(
    async () => {
      const answer = await fetchApp(platform.url('good'), { timeoutMs: 2_000 })
      return answer.status === 200 && performance.now()
    },
    { timeoutMs: servedMaxMs, what: 'the app is served again' },
  )
  await Promise.all([platform.startKeeper(), served])
  t.diagnostic(`served after ${Math.round((await served) - startedAt)} ms`)
  await until(async () => (await instances()).length === 2, { what: 'both are ready' })
  assert.deepEqual(await instances(), before)
})

test('logs -f goes on when the daemon is killed, with each line once', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good', { Procfile: counting })
  await platform.run('deploy', app.path)
  const env = { ...process.env, VIADUCT_URL: platform.apiUrl, VIADUCT_TOKEN: platform.token }
  const words = ['logs', '-f', '--app', 'good', '--process', 'clock', '-n', '1']
  const child = spawn(viaductCommand, words, {
    env: { ...env, HOME: platform.home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let text = ''
    child.stdout.on('data', (chunk) => (text += String(chunk)))
    const numbers = (): number[] =>
      [...text.matchAll(/@v1 tick (\d+)\n/g)].map(([, n]) => Number(n))
    await until(() => numbers().length > 5, { what: 'the first lines' })
    for (let kill = 0; kill < 2; kill++) {
      process.kill(await platform.daemonPid(), 'SIGKILL')
      const seen = numbers().length
      await until(() => numbers().length > seen + 30, { timeoutMs: 20_000, what: 'more lines' })
    }
    const found = numbers()
    assert.deepEqual(
      found,
      found.map((_, index) => (found[0] ?? 0) + index),
    )
  } finally {
    child.kill()
  }
})

const counting = `web: node server.js
clock: i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.05; done
`
