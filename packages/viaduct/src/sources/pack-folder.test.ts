import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, beforeEach, test } from 'node:test'
import { listFolder } from './list-folder.ts'
import { packFolder } from './pack-folder.ts'
import { receiveUpload } from './receive-upload.ts'
import { unpackArchive } from './unpack-archive.ts'

const limit = { timeout: 20_000 }
let root = ''
let dir = ''
let count = 0
before(async () => (root = await mkdtemp(join(tmpdir(), 'viaduct-pack-'))))
after(() => rm(root, { recursive: true, force: true }))
beforeEach(() => (dir = join(root, `${++count}`, 'app')))

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
}

/** Packs, uploads and unpacks; what arrived, sorted. */
async function roundTrip() {
  const packed = await packFolder(dir)
  const upload = await receiveUpload(packed.stream, { dir: join(root, 'uploads') })
  const target = join(root, `${count}`, 'unpacked')
  await unpackArchive(upload.path, { target })
  const names = await readdir(target, { recursive: true })
  return { target, names: names.toSorted(), skipped: packed.skipped, sha256: upload.sha256 }
}

test('a folder arrives as it is, without node_modules and .git at any depth', limit, async () => {
  await write({
    'package.json': '{}',
    '@odd': 'name',
    'src/a.js': 'a',
    'src/node_modules/x/index.js': 'x',
    'node_modules/y/index.js': 'y',
    '.git/HEAD': 'ref',
    'packages/b/.git': 'gitdir: elsewhere',
    '.hidden': 'h',
    [`${'long'.repeat(40)}/${'name'.repeat(40)}`]: 'long',
  })
  await mkdir(join(dir, 'empty'))
  await symlink('src/a.js', join(dir, 'link'))
  const { target, names } = await roundTrip()
  assert.deepEqual(
    names.filter((name) => !name.startsWith('long')),
    [
      '.hidden',
      '@odd',
      'empty',
      'link',
      'package.json',
      'packages',
      'packages/b',
      'src',
      'src/a.js',
    ],
  )
  assert.equal(await readFile(join(target, 'link'), 'utf8'), 'a')
})

test(
  '.gitignore files decide as in git, and a skipped .env, dist or build is said',
  limit,
  async () => {
    await write({
      '.gitignore': '\uFEFF*.log\r\ndist/\n.env\n/only-root\n!keep.log\n',
      '.env': 'SECRET=1',
      'a.log': '',
      'keep.log': '',
      'dist/x.js': '',
      'only-root': '',
      'sub/only-root': '',
      'sub/.gitignore': '!b.log\nbuild\n',
      'sub/b.log': '',
      'sub/build/out.js': '',
      'sub/c.log': '',
    })
    const { names, skipped } = await roundTrip()
    assert.deepEqual(names, [
      '.gitignore',
      'keep.log',
      'sub',
      'sub/.gitignore',
      'sub/b.log',
      'sub/only-root',
    ])
    assert.deepEqual(skipped, ['.env', 'dist', 'sub/build'])
  },
)

test('what Python makes on a machine stays there', limit, async () => {
  await write({ 'app.py': '', '__pycache__/app.pyc': '', 'lib/__pycache__/x.pyc': '' })
  await mkdir(join(dir, '.venv/bin'), { recursive: true })
  await symlink('/usr/bin/python3', join(dir, '.venv/bin/python'))
  assert.deepEqual((await roundTrip()).names, ['app.py', 'lib'])
})

test('.viaductignore stands in for .gitignore', limit, async () => {
  await write({
    '.gitignore': 'dist\n',
    '.viaductignore': 'docs\n',
    'dist/x.js': '',
    'docs/a.md': '',
  })
  const { names, skipped } = await roundTrip()
  assert.deepEqual(names, ['.gitignore', 'dist', 'dist/x.js'])
  assert.deepEqual(skipped, [])
})

test('the same tree gives the same bytes, elsewhere and at another time', limit, async () => {
  await write({ b: '2', 'a/z': '1', 'a/y': '3' })
  const first = await buffer((await packFolder(dir)).stream)
  const copy = join(root, `${count}`, 'copy')
  await cp(dir, copy, { recursive: true })
  for (const name of await readdir(copy, { recursive: true })) {
    await utimes(join(copy, name), 1_000_000, 1_000_000)
    if (process.getuid?.() === 0) await chown(join(copy, name), 12_345, 12_345)
  }
  const second = await buffer((await packFolder(copy)).stream)
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  assert.equal(sha256(first), sha256(second))
})

test('a link that leaves the folder is named', limit, async () => {
  for (const target of [
    '../../secret',
    '../../app-2/x',
    '/etc/passwd',
    'up/../..',
    join(dir, 'sub/a'),
  ]) {
    await rm(dir, { recursive: true, force: true })
    await write({ 'sub/a': '' })
    await symlink('..', join(dir, 'sub/up'))
    await symlink(target, join(dir, 'sub/link'))
    await assert.rejects(packFolder(dir), { code: 'bad-request', message: /"sub\/link" →/ })
  }
})

test('what is no file is skipped and said; what is no folder is refused', limit, async () => {
  await write({ a: '' })
  const server = createServer()
  await once(server.listen(join(dir, 'sock')), 'listening')
  try {
    assert.deepEqual((await packFolder(dir)).skipped, ['sock'])
  } finally {
    server.close()
  }
  await assert.rejects(packFolder(join(dir, 'a')), { code: 'bad-request', message: /not a folder/ })
  await assert.rejects(packFolder(join(dir, 'x')), { code: 'bad-request', message: /not a folder/ })
})

test(
  'progress counts the packed bytes, and a file that goes away ends the stream',
  limit,
  async () => {
    await write({ a: 'x'.repeat(1000), b: '' })
    const seen: number[] = []
    const packed = await packFolder(dir, { onProgress: (bytes) => seen.push(bytes) })
    assert.equal((await buffer(packed.stream)).length, seen.at(-1))
    const broken = await packFolder(dir)
    await rm(join(dir, 'a'))
    await assert.rejects(buffer(broken.stream), {
      code: 'bad-request',
      message: /cannot be packed/,
    })
  },
)

test(
  'patterns with a slash count from their own folder, and no file need be an ignore file',
  limit,
  async () => {
    await write({
      'sub/.gitignore': '/out\n',
      'sub/out/x': '',
      'sub/deep/out/x': '',
      'out/x': '',
      'folder/.gitignore/x': '',
    })
    await symlink('loop', join(dir, 'loop'))
    await symlink('sub/.gitignore/x', join(dir, 'nowhere'))
    const { paths } = await listFolder(dir)
    const found = paths.filter((path) => /(^|\/)(out|loop|nowhere)$/.test(path))
    assert.deepEqual(found.toSorted(), ['loop', 'nowhere', 'out', 'sub/deep/out'])
  },
)

test('an abort ends the packing', limit, async () => {
  await write({ a: 'x' })
  const { stream } = await packFolder(dir, { signal: AbortSignal.abort() })
  await assert.rejects(buffer(stream), { name: 'AbortError' })
})
