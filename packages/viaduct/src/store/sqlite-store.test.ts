import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import { explainDatabaseError } from './open-database.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { Change } from './store.ts'
import { testStore } from './store.suite.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-store-'))
after(() => rm(dir, { recursive: true }))

let count = 0
async function newPath(): Promise<string> {
  const own = join(dir, String(++count))
  await mkdir(own)
  return join(own, 'viaduct.db')
}

testStore('sqlite store', async () => openSqliteStore({ path: await newPath() }))

test('what was written is there after closing, revisions go on, and only the owner can read it', async () => {
  const path = await newPath()
  let last = 0
  {
    await using store = await openSqliteStore({ path })
    await store.write([{ put: 'a/b', value: { x: 1 } }])
    last = await store.write([{ delete: 'gone' }, { put: 'c', value: 1 }, { delete: 'c' }])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(`${path}-wal`)).mode & 0o777, 0o600)
  }
  assert.deepEqual(await readdir(dirname(path)), ['viaduct.db'])
  await using store = await openSqliteStore({ path })
  assert.deepEqual((await store.get('a/b'))?.value, { x: 1 })
  assert.equal(await store.write([{ put: 'c', value: 1 }]), last + 1)
})

test('a write is on disk when it resolves: the log is synced, as is the new file and its name', async () => {
  const path = await newPath()
  const synced: string[] = []
  await using handle = await open(dir)
  const handles = Object.getPrototypeOf(handle) as FileHandle
  const { sync } = handles
  const { exec } = DatabaseSync.prototype
  const databases = new Set<DatabaseSync>()
  handles.sync = async function watched(this: FileHandle) {
    synced.push(await readlink(`/proc/self/fd/${this.fd}`))
    await sync.call(this)
  }
  DatabaseSync.prototype.exec = function watched(this: DatabaseSync, sql) {
    databases.add(this)
    exec.call(this, sql)
  }
  try {
    await using store = await openSqliteStore({ path })
    assert.deepEqual(synced, [`${path}.new`, dirname(path)])
    const database = [...databases].at(-1)
    const pragma = (name: string): unknown =>
      Object.values(database?.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    assert.equal(pragma('journal_mode'), 'wal')
    assert.equal(pragma('synchronous'), 2, 'FULL')
    assert.equal(pragma('locking_mode'), 'exclusive')
    assert.equal(pragma('journal_size_limit'), 16 * 1024 * 1024)
    await store.write([])
  } finally {
    handles.sync = sync
    DatabaseSync.prototype.exec = exec
  }
})

test('an error of the database with an extended code is told by its kind', () => {
  const corruptIndex = 11 + 3 * 256
  const error = Object.assign(new Error('malformed'), { errcode: corruptIndex })
  const said = explainDatabaseError(error, '/a')
  assert.ok(said instanceof AppError && said.code === 'data-damaged')
})

test('what was written survives SIGKILL of the writer', async () => {
  const path = await newPath()
  const source = `
    const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve('./sqlite-store.ts'))})
    const store = await openSqliteStore({ path: ${JSON.stringify(path)} })
    for (let i = 1; ; i++) {
      await store.write([{ put: 'n', value: i }, { put: 'copy', value: i }])
      if (i === 50) process.stdout.write('50')
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await closed
  await using store = await openSqliteStore({ path })
  const n = (await store.get<number>('n'))!.value
  assert.ok(n >= 50, `${n} writes are left`)
  assert.equal((await store.get<number>('copy'))!.value, n)
})

test('a second opener is refused, here and in another process, and the first goes on', async () => {
  const path = await newPath()
  await using store = await openSqliteStore({ path })
  await store.write([{ put: 'a', value: 1 }])
  const source = `
    import { DatabaseSync } from 'node:sqlite'
    try { new DatabaseSync(${JSON.stringify(path)}).prepare('SELECT * FROM entries').all() }
    catch (error) { console.log(error.errcode) }`
  const other = spawnSync(process.execPath, ['--input-type=module', '-e', source])
  const errcode = Number(String(other.stdout))
  assert.equal(errcode, 5)
  const said = explainDatabaseError(Object.assign(new Error('busy'), { errcode }), path)
  assert.ok(said instanceof AppError && said.code === 'already-running')
  await store.write([{ put: 'a', value: 2 }])
  assert.equal((await store.get('a'))?.value, 2)
})

test('a database of a newer schema is refused and left as it is', async () => {
  const path = await newPath()
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]()
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 2')
  database.close()
  await refuses(path, 'data-newer', /schema 2, and this Viaduct knows 1/)
})

test('a file that is not a database is refused and left as it is', async () => {
  const path = await newPath()
  await writeFile(path, 'Not a database. '.repeat(100))
  await refuses(path, 'data-damaged', /not a database/)
})

test('a database of somebody else is refused and left as it is', async () => {
  const path = await newPath()
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE entries (x)')
  database.close()
  await refuses(path, 'data-damaged', /not a database of Viaduct/)
})

test('an empty file is refused: it was a database once', async () => {
  const path = await newPath()
  await writeFile(path, '')
  await refuses(path, 'data-damaged', /empty/)
})

test('a write-ahead log without its database is refused', async () => {
  const path = await newPath()
  await writeFile(`${path}-wal`, 'something')
  await assert.rejects(openSqliteStore({ path }), { code: 'data-damaged' })
  assert.deepEqual(await readdir(dirname(path)), ['viaduct.db-wal'])
})

test('a database that was cut short is refused and left as it is', async () => {
  const path = await fill(await newPath())
  await truncate(path, (await stat(path)).size - 3 * 4096)
  await refuses(path, 'data-damaged', /damaged/)
})

test('a database with a page of garbage is refused and left as it is', async () => {
  const path = await fill(await newPath())
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(4096, 'garbage'), 0, 4096, 5 * 4096)
  await file.close()
  await refuses(path, 'data-damaged', /damaged/)
})

test('a start that was cut short while it made the database is no damage', async () => {
  const path = await newPath()
  await writeFile(`${path}.new`, 'half')
  await using store = await openSqliteStore({ path })
  await store.write([{ put: 'a', value: 1 }])
  assert.deepEqual((await readdir(dirname(path))).toSorted(), ['viaduct.db', 'viaduct.db-wal'])
})

const isRoot = process.getuid?.() === 0
test(
  'a full disk fails the write whole, and writing goes on when there is space again',
  { skip: !isRoot && 'needs root', timeout: 20_000 },
  async () => {
    const full = join(dir, 'tmpfs')
    await mkdir(full)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', full])
    assert.equal(mounted.status, 0, String(mounted.stderr))
    try {
      await writeFile(join(full, 'ballast'), Buffer.alloc(1024 * 1024))
      await using store = await openSqliteStore({ path: join(full, 'viaduct.db') })
      const changes: Change[] = []
      store.watch('a/', (change) => changes.push(change))
      let written = 0
      const value = 'x'.repeat(50_000)
      const fillUp = async (): Promise<void> => {
        for (; written < 1000; written++) await store.write([{ put: `a/${written}`, value }])
      }
      await assert.rejects(
        fillUp(),
        (error) => error instanceof AppError && error.code === 'disk-full',
      )
      assert.ok(written > 2)
      assert.equal((await store.list('a/')).length, written)
      assert.equal(changes.length, written)
      await rm(join(full, 'ballast'))
      await store.write([{ put: 'a/again', value: 1 }])
      assert.equal((await store.get('a/again'))?.value, 1)
    } finally {
      spawnSync('umount', [full])
    }
  },
)

test(
  'a full disk at the first start leaves nothing behind',
  { skip: !isRoot && 'needs root' },
  async () => {
    const full = join(dir, 'tmpfs-start')
    await mkdir(full)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', full])
    assert.equal(mounted.status, 0, String(mounted.stderr))
    try {
      await assert.rejects(openSqliteStore({ path: join(full, 'viaduct.db') }), {
        code: 'disk-full',
      })
      assert.deepEqual(await readdir(full), [])
    } finally {
      spawnSync('umount', [full])
    }
  },
)

async function fill(path: string): Promise<string> {
  await using store = await openSqliteStore({ path })
  for (let i = 0; i < 100; i++) await store.write([{ put: `a/${i}`, value: 'x'.repeat(1000) }])
  return path
}

async function refuses(path: string, code: string, message: RegExp): Promise<void> {
  const before = await readFile(path)
  await assert.rejects(openSqliteStore({ path }), (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    assert.ok(error.hint.length > 0)
    return true
  })
  assert.deepEqual(await readFile(path), before)
  assert.deepEqual(await readdir(dirname(path)), ['viaduct.db'])
}
