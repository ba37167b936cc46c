import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureDeployKey } from './deploy-key.ts'

test('a key is made once, its own halves fit together for OpenSSH, and others cannot read it', async () => {
  const base = await mkdtemp(join(tmpdir(), 'viaduct-key-'))
  const path = join(base, 'keys', 'deploy')
  const options = { comment: 'viaduct-shop', owner: null }
  try {
    const made = await ensureDeployKey(path, options)
    assert.match(made, /^ssh-ed25519 AAAA\S+ viaduct-shop$/)
    assert.equal(await ensureDeployKey(path, options), made)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const { stdout } = await promisify(execFile)('ssh-keygen', ['-y', '-P', '', '-f', path])
    assert.equal(stdout.trim(), made)
  } finally {
    await rm(base, { recursive: true })
  }
})
