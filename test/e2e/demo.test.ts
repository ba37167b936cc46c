/** The newcomer's first command, `npm run demo`, whole; as a plain user wherever that can be. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isReachable } from '../../packages/viaduct/src/build/builders/node/find-npm.ts'
import { removeTree } from '../../packages/viaduct/src/build/seal-tree.ts'
import { cleanEnvironment } from './harness/run-command.ts'

const demo = join(import.meta.dirname, '../../tools/demo.ts')
/** Some 20 s on two idle cores. */
const limitMs = 120_000
const nobody = 65_534

/** The user to run as: another one when that is root and others can read this repository. */
async function chooseUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null
  const files = [demo, process.execPath]
  const reachable = await Promise.all(files.map((file) => isReachable(file)))
  return reachable.every(Boolean) ? { uid: nobody, gid: nobody } : null
}

test('the demo loses no request, ends with 0 and leaves nothing behind', async () => {
  const user = await chooseUser()
  const home = await mkdtemp(join(tmpdir(), 'viaduct-demo-test-'))
  const temporary = join(home, 'tmp')
  await chmod(home, 0o711)
  await mkdir(temporary)
  if (user) await chown(temporary, user.uid, user.gid)
  try {
    const child = spawn(process.execPath, [demo, '--json'], {
      cwd: temporary,
      env: { ...cleanEnvironment(), HOME: temporary, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      ...user,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    const code = await new Promise((resolve, reject) => {
      child.on('close', resolve)
      child.on('error', reject)
    })
    assert.equal(stderr, '')
    const result = JSON.parse(stdout) as {
      ok: boolean
      scenes: unknown[]
      load: { failed: number }
    }
    assert.equal(result.load.failed, 0)
    assert.ok(result.ok)
    assert.ok(result.scenes.length >= 7, `Only ${result.scenes.length} scenes were played`)
    assert.equal(code, 0)
    const left = (await readdir(temporary)).filter((name) => name.startsWith('viaduct'))
    assert.deepEqual(left, [])
  } finally {
    await removeTree(home, null)
  }
})
