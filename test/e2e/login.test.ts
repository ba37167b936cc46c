/** `viaduct login` on a real terminal: it asks, checks, saves for this user alone, and shows nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { cleanEnvironment } from './harness/run-command.ts'
import { noTerminal, runOnTerminal } from './harness/run-on-terminal.ts'
import { startPlatform, viaductCommand } from './harness/start-platform.ts'

const skip = noTerminal()

test('login asks, refuses a wrong token, and saves the right one unseen', { skip }, async () => {
  await using platform = await startPlatform({ proxies: 1 })
  // As on another machine: no local server is recorded there.
  const config = join(platform.home, 'elsewhere')
  const env = { ...cleanEnvironment(), HOME: platform.home, XDG_CONFIG_HOME: config }
  const host = `127.0.0.1:${platform.apiPort}`
  const question = `Token for http://${host}`
  const file = join(config, 'viaduct/login.json')
  const login = (type: string) =>
    runOnTerminal([viaductCommand, 'login', host], {
      cwd: platform.home,
      env,
      answers: [{ question, type }],
    })

  const away = await runOnTerminal([viaductCommand, 'apps'], { cwd: platform.home, env })
  assert.equal(away.code, 5, away.screen)

  const wrong = await login('not-the-token\r')
  assert.match(wrong.screen, /does not know this token; nothing was saved/)
  assert.ok(!wrong.screen.includes('not-the-token'), 'What was typed is on the screen')
  assert.equal(wrong.code, 3)
  const left = await login('\x03')
  assert.match(left.screen, /Not logged in/)
  assert.equal(left.code, 1)
  await assert.rejects(stat(file), { code: 'ENOENT' })

  const right = await login(`${platform.token}\r`)
  assert.match(right.screen, /Logged in to/)
  assert.ok(!right.screen.includes(platform.token.slice(0, 8)), 'The token is on the screen')
  assert.equal(right.code, 0)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal((await stat(join(config, 'viaduct'))).mode & 0o777, 0o700)

  const apps = await runOnTerminal([viaductCommand, 'apps'], { cwd: platform.home, env })
  assert.match(apps.screen, /No apps yet/)
  assert.equal(apps.code, 0)
})

test('the seed’s "auth HOST TOKEN" works, warns, and hides the token from ps', async () => {
  await using platform = await startPlatform({ proxies: 1 })
  const host = `127.0.0.1:${platform.apiPort}`
  const nowhere = { VIADUCT_URL: '', VIADUCT_TOKEN: '' }
  const auth = await platform.cli(['auth', host, platform.token], { env: nowhere })
  assert.match(auth.stderr, /history of your shell/)
  assert.ok(!(auth.stdout + auth.stderr).includes(platform.token))
  assert.equal(auth.code, 0)
  const file = join(platform.home, '.config/viaduct/login.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)

  // A server that never answers: the command waits, and can be looked at.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const child = spawn(viaductCommand, ['auth', `127.0.0.1:${port}`, 'a-visible-token'], {
    env: { ...cleanEnvironment(), HOME: platform.home },
    stdio: 'ignore',
  })
  try {
    await once(silent, 'connection')
    const shown = await readFile(`/proc/${child.pid}/cmdline`, 'utf8')
    assert.match(shown, /viaduct/)
    assert.ok(!shown.includes('a-visible-token'), shown)
  } finally {
    child.kill('SIGKILL')
    silent.close()
  }
})
