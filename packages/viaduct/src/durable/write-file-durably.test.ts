import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import {
  type FileHandle,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import {
  explainWriteError,
  removeUnfinishedWrites,
  writeFileDurably,
} from './write-file-durably.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-durable-'))
after(() => rm(dir, { recursive: true }))

test('writes a new file with exactly the mode that was asked for', async () => {
  const path = join(dir, 'new')
  const umask = process.umask(0o077)
  try {
    await writeFileDurably(path, 'secret', { mode: 0o644 })
  } finally {
    process.umask(umask)
  }
  assert.equal(await readFile(path, 'utf8'), 'secret')
  assert.equal((await stat(path)).mode & 0o777, 0o644)
})

test('replaces content and mode, and leaves no temporary file', async () => {
  const own = join(dir, 'own')
  await mkdir(own)
  const path = join(own, 'file')
  await writeFile(path, 'a much longer old content')
  await chmod(path, 0o666)
  await writeFileDurably(path, 'new', { mode: 0o600 })
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(own), ['file'])
})

/** Calls `onSync` with the path of what is synced, just before that, while `run` runs. */
async function watchSyncs(onSync: (path: string) => void, run: () => Promise<void>): Promise<void> {
  await using handle = await open(dir)
  const handles = Object.getPrototypeOf(handle) as FileHandle
  const { sync } = handles
  handles.sync = async function watched(this: FileHandle) {
    onSync(readlinkSync(`/proc/self/fd/${this.fd}`))
    await sync.call(this)
  }
  try {
    await run()
  } finally {
    handles.sync = sync
  }
}

test('the whole content is on disk before it has its name, and then the name', async () => {
  const own = join(dir, 'synced')
  await mkdir(own)
  const path = join(own, 'file')
  const seen: unknown[] = []
  await watchSyncs(
    (synced) => {
      if (synced === own) seen.push(['folder', readdirSync(own)])
      else
        seen.push(['file', synced !== path, readFileSync(synced, 'utf8'), readdirSync(own).length])
    },
    () => writeFileDurably(path, 'content'),
  )
  assert.deepEqual(seen, [
    ['file', true, 'content', 1],
    ['folder', ['file']],
  ])
  assert.equal((await stat(path)).mode & 0o777, 0o644)
})

test('what killed writers of a file left is removed, and nothing else', async () => {
  const own = join(dir, 'unfinished')
  await mkdir(own)
  for (const name of [
    'file',
    '.file.0a1b.tmp',
    '.file.2c3d.tmp',
    '.file.keep',
    '.other.0a1b.tmp',
  ]) {
    await writeFile(join(own, name), 'x')
  }
  await removeUnfinishedWrites(join(own, 'file'))
  assert.deepEqual((await readdir(own)).toSorted(), ['.file.keep', '.other.0a1b.tmp', 'file'])
  await removeUnfinishedWrites(join(own, 'missing', 'file'))
})

test('no space and no quota are a full disk, other errors stay what they are', () => {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    const said = explainWriteError(Object.assign(new Error(code), { code }), '/a')
    assert.ok(said instanceof AppError && said.code === 'disk-full', code)
  }
  const other = Object.assign(new Error('EIO'), { code: 'EIO' })
  assert.equal(explainWriteError(other, '/a'), other)
})

test('writers at the same time leave one whole content', async () => {
  const path = join(dir, 'busy')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000))
  await Promise.all(texts.map((text) => writeFileDurably(path, text)))
  assert.ok(texts.includes(await readFile(path, 'utf8')))
})

test('a rename that fails takes its temporary file away', async () => {
  const own = join(dir, 'occupied')
  await mkdir(join(own, 'file', 'full'), { recursive: true })
  await assert.rejects(writeFileDurably(join(own, 'file'), 'x'), { code: 'EISDIR' })
  assert.deepEqual(await readdir(own), ['file'])
})

const isRoot = process.getuid?.() === 0
test(
  'a full disk is said, and the old content stays',
  { skip: !isRoot && 'needs root' },
  async () => {
    const full = join(dir, 'tmpfs')
    await mkdir(full)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full])
    assert.equal(mounted.status, 0, String(mounted.stderr))
    try {
      const path = join(full, 'file')
      await writeFileDurably(path, 'old')
      await assert.rejects(writeFileDurably(path, 'n'.repeat(100_000)), (error) => {
        assert.ok(error instanceof AppError)
        assert.equal(error.code, 'disk-full')
        assert.match(error.message, /tmpfs\/file/)
        return true
      })
      assert.equal(await readFile(path, 'utf8'), 'old')
      assert.deepEqual(await readdir(full), ['file'])
    } finally {
      spawnSync('umount', [full])
    }
  },
)
