import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { AppError } from '../model/app-error.ts'
import { type UnpackOptions, unpackArchive } from './unpack-archive.ts'

const limit = { timeout: 30_000 }
let dir = ''
let count = 0
before(async () => (dir = await mkdtemp(join(tmpdir(), 'viaduct-unpack-'))))
after(() => rm(dir, { recursive: true, force: true }))

interface RawEntry {
  path: string
  body?: string | Buffer
  type?: string
  linkpath?: string
  mode?: number
  size?: number
  sizeBytes?: Buffer
}

/** One entry of a tar archive, made by hand so that it can be as wrong as we want. */
function rawEntry(entry: RawEntry): Buffer {
  const body = Buffer.from(entry.body ?? '')
  const head = Buffer.alloc(512)
  head.write(entry.path, 0, 100)
  head.write((entry.mode ?? 0o644).toString(8).padStart(7, '0'), 100)
  head.write('0000000', 108)
  head.write('0000000', 116)
  head.write((entry.size ?? body.length).toString(8).padStart(11, '0'), 124)
  entry.sizeBytes?.copy(head, 124)
  head.write('00000000000', 136)
  head.write('        ', 148)
  head.write(entry.type ?? '0', 156)
  head.write(entry.linkpath ?? '', 157, 100)
  head.write('ustar\x0000', 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([head, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
}

function rawTar(...entries: RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(rawEntry), Buffer.alloc(1024)])
}

function pax(path: string, fields: Record<string, string>): RawEntry {
  const lines = Object.entries(fields).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    const length = rest + String(rest + String(rest).length).length
    return `${length} ${key}=${value}\n`
  })
  return { path, type: 'x', body: lines.join('') }
}

async function unpack(archive: Buffer, options: Partial<UnpackOptions> = {}) {
  const path = join(dir, `${++count}.tar.gz`)
  const target = join(dir, `${count}`)
  await writeFile(path, archive)
  return { target, ...(await unpackArchive(path, { target, ...options })) }
}

/** Asserts that the archive is refused, with the message, and that nothing is left of it. */
async function refuses(archive: Buffer, message: RegExp, options: Partial<UnpackOptions> = {}) {
  await assert.rejects(unpack(archive, options), (error: unknown) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, 'bad-upload', error.message)
    assert.match(error.message, message)
    return true
  })
  const left = (await readdir(dir)).filter((name) => name.startsWith(`${count}`))
  assert.deepEqual(left, [`${count}.tar.gz`])
}

test(
  'a plain archive is unpacked with its files, folders, links and execute bits',
  limit,
  async () => {
    const { target, files, bytes } = await unpack(
      gzipSync(
        rawTar(
          { path: './', type: '5', mode: 0o700 },
          { path: './Procfile', body: 'web: node a.js\n' },
          { path: './bin/run', body: '#!/bin/sh\n', mode: 0o6755 },
          { path: './bin/again', type: '2', linkpath: 'run' },
          { path: './bin/hard', type: '1', linkpath: './bin/run' },
        ),
      ),
    )
    assert.deepEqual([files, bytes], [3, 25])
    assert.equal(await readFile(join(target, 'Procfile'), 'utf8'), 'web: node a.js\n')
    assert.equal((await stat(join(target, 'bin/run'))).mode & 0o7777, 0o755)
    assert.equal((await stat(join(target, 'Procfile'))).mode & 0o7777, 0o644)
    assert.equal(await readlink(join(target, 'bin/again')), 'run')
    assert.equal(await readFile(join(target, 'bin/hard'), 'utf8'), '#!/bin/sh\n')
  },
)

test('what GNU tar packs is unpacked, long names too', limit, async () => {
  const from = join(dir, 'gnu')
  const long = `${'d'.repeat(120)}/${'f'.repeat(150)}`
  await mkdir(join(from, 'd'.repeat(120)), { recursive: true })
  await writeFile(join(from, long), 'long')
  await writeFile(join(from, 'ünï.txt'), 'x'.repeat(300_000))
  for (const format of ['gnu', 'pax', 'ustar']) {
    const names = format === 'ustar' ? ['ünï.txt'] : ['.']
    const archive = execFileSync('tar', ['-cz', `--format=${format}`, '-C', from, ...names])
    const { target } = await unpack(archive)
    assert.equal((await stat(join(target, 'ünï.txt'))).size, 300_000)
    if (format !== 'ustar') assert.equal(await readFile(join(target, long), 'utf8'), 'long')
  }
})

test(
  'the one top folder is stripped when it holds an app, and kept when it does not',
  limit,
  async () => {
    const app = await unpack(
      gzipSync(rawTar({ path: 'web/package.json', body: '{}' }, { path: 'web/src/a', body: 'a' })),
    )
    assert.deepEqual((await readdir(app.target)).toSorted(), ['package.json', 'src'])
    const other = await unpack(gzipSync(rawTar({ path: 'public/index.html', body: '' })))
    assert.deepEqual(await readdir(other.target), ['public'])
    const both = await unpack(
      gzipSync(rawTar({ path: 'web/package.json', body: '{}' }, { path: 'a', body: '' })),
    )
    assert.deepEqual((await readdir(both.target)).toSorted(), ['a', 'web'])
  },
)

test(
  'a later entry of the same path wins, whatever the earlier one was but a folder',
  limit,
  async () => {
    const { target } = await unpack(
      gzipSync(
        rawTar(
          { path: 'a', body: 'first' },
          { path: 'a', body: 'second' },
          { path: 'b', type: '2', linkpath: 'a' },
          { path: 'b', body: 'file now' },
          { path: 'c', body: 'file' },
          { path: 'c', type: '2', linkpath: 'a' },
        ),
      ),
    )
    assert.equal(await readFile(join(target, 'a'), 'utf8'), 'second')
    assert.equal(await readFile(join(target, 'b'), 'utf8'), 'file now')
    assert.equal(await readlink(join(target, 'c')), 'a')
  },
)

const outside = '/tmp/viaduct-must-not-exist'
const hostile: [string, RawEntry[], RegExp][] = [
  ['an absolute path', [{ path: outside, body: 'x' }], /must-not-exist" has an absolute path/],
  ['".." in front', [{ path: '../x', body: 'x' }], /"\.\.\/x" has "\.\."/],
  ['".." in the middle', [{ path: 'a/../../x', body: 'x' }], /has "\.\."/],
  [
    '".." by a pax header',
    [pax('p', { path: '../../x' }), { path: 'ok', body: 'x' }],
    /has "\.\."/,
  ],
  [
    'a GNU long name with ".."',
    [
      { path: '././@LongLink', type: 'L', body: '../evil' },
      { path: 'ok', body: 'x' },
    ],
    /has "\.\."/,
  ],
  ['an absolute symlink', [{ path: 'a', type: '2', linkpath: '/etc' }], /"a" .*leaves the app/],
  ['a symlink out', [{ path: 'd/a', type: '2', linkpath: '../../x' }], /"d\/a" .*leaves the app/],
  [
    'a symlink out through another symlink',
    [
      { path: 'deep/er/up', type: '2', linkpath: '../..' },
      { path: 'x', type: '2', linkpath: 'deep/er/up/../y' },
    ],
    /"x" is a link to "deep\/er\/up\/\.\.\/y", which leaves/,
  ],
  [
    'a symlink out of the top folder that is stripped',
    [
      { path: 'web/package.json', body: '{}' },
      { path: 'web/a', type: '2', linkpath: '../secret' },
    ],
    /"web\/a" .*leaves the app/,
  ],
  [
    'a circle of symlinks',
    [
      { path: 'a', type: '2', linkpath: 'b' },
      { path: 'b', type: '2', linkpath: 'a' },
    ],
    /circle/,
  ],
  [
    'a file through a symlinked folder',
    [
      { path: 'a', type: '2', linkpath: '.' },
      { path: 'a/b', body: 'x' },
    ],
    /"a" is a folder, but was a symlink/,
  ],
  [
    'a symlink in place of a folder',
    [
      { path: 'a/b', body: 'x' },
      { path: 'a', type: '2', linkpath: '/etc' },
    ],
    /"a" is a symlink, but was a folder/,
  ],
  ['a hard link out', [{ path: 'a', type: '1', linkpath: '/etc/passwd' }], /leaves the app folder/],
  ['a hard link up', [{ path: 'a', type: '1', linkpath: '../a' }], /leaves the app folder/],
  [
    'a hard link to a symlink',
    [
      { path: 'a', type: '2', linkpath: 'b' },
      { path: 'b', type: '1', linkpath: 'a' },
    ],
    /"b" is a hard link to "a", which is no earlier file/,
  ],
  ['a character device', [{ path: 'null', type: '3' }], /"null" is a CharacterDevice/],
  ['a block device', [{ path: 'sda', type: '4' }], /"sda" is a BlockDevice/],
  ['a FIFO', [{ path: 'pipe', type: '6' }], /"pipe" is a FIFO/],
  ['an unknown type', [{ path: 'a', type: 'Z' }], /"a" is a/],
  [
    'a name that is too long',
    [pax('p', { path: 'n'.repeat(300) }), { path: 'n', body: '' }],
    /name/,
  ],
  [
    'a negative size',
    [{ path: 'a', sizeBytes: Buffer.from('fffffffffffffffffffffff0', 'hex'), body: 'x' }],
    /not a sound tar/,
  ],
]
for (const [name, entries, message] of hostile) {
  test(`an archive with ${name} is refused`, limit, async () => {
    await refuses(gzipSync(rawTar(...entries)), message)
    await assert.rejects(stat(outside))
  })
}

test('what is no gzip, cut short or corrupt is refused with the place', limit, async () => {
  const random = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7919) % 251))
  const tar = rawTar({ path: 'first', body: 'x' }, { path: 'big', body: random })
  const gzip = gzipSync(tar)
  await refuses(tar, /It is not gzip/)
  await refuses(Buffer.from('hello'), /It is not gzip/)
  await refuses(Buffer.alloc(0), /cut short at byte 0/)
  await refuses(gzip.subarray(0, gzip.length - 10), /cut short at byte \d+.*last entry "big"/)
  await refuses(gzipSync(tar.subarray(0, 3000)), /cut short at byte 3000, last entry "big"/)
  await refuses(gzipSync(rawEntry({ path: 'a', body: 'x' })), /end mark is missing/)
  await refuses(gzipSync(Buffer.alloc(2000, 'x')), /not a sound tar archive/)
  await refuses(gzipSync(gzip), /holds another compressed file/)
  const flipped = Buffer.from(gzip)
  flipped[Math.floor(gzip.length / 2)]! ^= 0xff
  await refuses(flipped, /cannot be used/)
  const badSum = rawTar({ path: 'first', body: 'x' }, { path: 'second', body: 'y' })
  badSum[1024 + 3]! ^= 1
  await refuses(gzipSync(badSum), /checksum failure.*near byte \d+, last entry "first"/)
})

test('bombs are refused by size, ratio and count', limit, async () => {
  const zeros = gzipSync(rawTar({ path: 'zeros', body: Buffer.alloc(20 * 1024 * 1024) }))
  await refuses(zeros, /more than 200 times its size/)
  await refuses(zeros, /more than 1000000 bytes/, { maxBytes: 1_000_000 })
  const many = Array.from({ length: 50 }, (_, at) => ({ path: `f${at}`, body: '' }))
  await refuses(gzipSync(rawTar(...many)), /more than 40 entries/, { maxEntries: 40 })
  const deep = { path: `${'d/'.repeat(45)}f`, body: '' }
  await refuses(gzipSync(rawTar(deep)), /more than 40 entries/, { maxEntries: 40 })
  const padded = gzipSync(Buffer.concat([rawTar({ path: 'a' }), Buffer.alloc(20 * 1024 * 1024)]))
  await refuses(padded, /more than 200 times its size/)
})

test('what is as large as the limits allow is taken', limit, async () => {
  const tar = rawTar({ path: 'd/a', body: 'x' }, { path: 'd/b', body: 'y' })
  const limits = { maxBytes: tar.length, maxEntries: 3 }
  assert.equal((await unpack(gzipSync(tar), limits)).files, 2)
  await refuses(gzipSync(tar), /more than \d+ bytes/, { ...limits, maxBytes: tar.length - 1 })
  await refuses(gzipSync(tar), /more than 2 entries/, { ...limits, maxEntries: 2 })
})

test(
  'a top folder with a Procfile alone is the app, a hard link to itself is no change',
  limit,
  async () => {
    const { target } = await unpack(
      gzipSync(
        rawTar(
          { path: 'app/Procfile', body: 'web: x' },
          { path: 'app/Procfile', type: '1', linkpath: 'app/Procfile' },
        ),
      ),
    )
    assert.equal(await readFile(join(target, 'Procfile'), 'utf8'), 'web: x')
  },
)

test('an aborted signal ends it, and nothing is left', limit, async () => {
  const signal = AbortSignal.abort()
  await assert.rejects(unpack(gzipSync(rawTar({ path: 'a' })), { signal }), { name: 'AbortError' })
  await assert.rejects(stat(join(dir, `${count}`)), { code: 'ENOENT' })
})

test('everything written belongs to the owner', { ...limit, skip: notRoot() }, async () => {
  const { target } = await unpack(
    gzipSync(rawTar({ path: 'd/a', body: 'x' }, { path: 'l', type: '2', linkpath: 'd' })),
    { owner: { uid: 58_123, gid: 58_123 } },
  )
  const found = execFileSync('find', [target, '-not', '-uid', '58123'], { encoding: 'utf8' })
  assert.equal(found, '')
})

test('a full disk is said, and nothing is left', { ...limit, skip: notRoot() }, async () => {
  const mount = join(dir, 'tiny')
  await mkdir(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount])
  try {
    const path = join(dir, 'large.tar.gz')
    await writeFile(path, gzipSync(rawTar({ path: 'a', body: Buffer.alloc(3_000_000, 'abc') })))
    await assert.rejects(unpackArchive(path, { target: join(mount, 'app') }), { code: 'disk-full' })
    assert.deepEqual(await readdir(mount), [])
  } finally {
    execFileSync('umount', [mount])
  }
})

test('no archive at all, however wrong, writes outside or hangs', { timeout: 60_000 }, async () => {
  const name = fc.stringMatching(/^(\.\.|\.|a|b|c)(\/(\.\.|\.|a|b|c)){0,3}\/?$/)
  const entry = fc.record({
    path: name,
    type: fc.constantFrom('0', '1', '2', '5', '3'),
    linkpath: name,
    body: fc.constantFrom('', 'hello'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
      const fixed = entries.map((each) =>
        each.type === '0' ? { ...each, linkpath: '' } : { ...each, body: '' },
      )
      try {
        const { target } = await unpack(gzipSync(rawTar(...fixed)))
        const links = execFileSync('find', [target, '-type', 'l'], { encoding: 'utf8' })
        for (const link of links.split('\n').filter(Boolean)) {
          const real = execFileSync('readlink', ['-m', link], { encoding: 'utf8' }).trim()
          assert.ok(`${real}/`.startsWith(`${target}/`), `${link} → ${real}`)
        }
        await rm(target, { recursive: true })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        assert.equal(error.code, 'bad-upload')
      }
    }),
    { numRuns: 150 },
  )
})

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : 'SKIPPED: needs root (chown, mount)'
}
