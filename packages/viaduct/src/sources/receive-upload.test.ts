import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { type IncomingMessage, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, beforeEach, test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import { type ReceiveOptions, clearUploads, receiveUpload } from './receive-upload.ts'

const limit = { timeout: 20_000 }
let root = ''
let dir = ''
let count = 0
before(async () => (root = await mkdtemp(join(tmpdir(), 'viaduct-receive-'))))
after(() => rm(root, { recursive: true, force: true }))
beforeEach(() => (dir = join(root, `uploads-${++count}`)))

/** Receives one request on a real server; `answered` is what `receiveUpload` came to. */
async function serve(options: Partial<ReceiveOptions> = {}) {
  const result = Promise.withResolvers<unknown>()
  const server = createServer((incoming: IncomingMessage, response) => {
    receiveUpload(incoming, { dir, ...options }).then(
      (upload) => {
        result.resolve(upload)
        response.end('ok')
      },
      (error: unknown) => {
        result.resolve(error)
        if (!(error instanceof AppError)) return
        response.writeHead(error.status, { connection: 'close' }).end(error.code)
      },
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    result: result.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function assertCode(error: unknown, code: string): void {
  assert.ok(error instanceof AppError, String(error))
  assert.equal(error.code, code)
}

test('an upload ends as a private file with its size and sha256', limit, async () => {
  const body = Buffer.alloc(1_000_000, 'viaduct')
  const seen: number[] = []
  const upload = await receiveUpload(Readable.from([body.subarray(0, 7), body.subarray(7)]), {
    dir,
    onProgress: (bytes) => seen.push(bytes),
  })
  assert.equal(upload.bytes, 1_000_000)
  assert.equal(upload.sha256, createHash('sha256').update(body).digest('hex'))
  assert.deepEqual(await readFile(upload.path), body)
  assert.equal((await stat(upload.path)).mode & 0o777, 0o600)
  assert.deepEqual(seen, [7, 1_000_000])
})

test('a client that leaves in the middle leaves nothing behind', limit, async () => {
  await using server = await serve()
  const client = request({ port: server.port, method: 'POST', headers: { 'content-length': 5000 } })
  client.on('error', () => {
    // It is we who destroy it.
  })
  client.write('half')
  await until(async () => (await readdir(dir).catch(() => [])).length === 1)
  client.destroy()
  assertCode(await server.result, 'upload-aborted')
  assert.deepEqual(await readdir(dir), [])
})

test(
  'too large an upload is refused while it comes, and the client gets the answer',
  limit,
  async () => {
    await using server = await serve({ maxBytes: 100_000 })
    const client = request({ port: server.port, method: 'POST' })
    client.on('error', () => {
      // The server closes while we still send.
    })
    client.write(Buffer.alloc(200_000))
    const [response] = (await once(client, 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, 413)
    response.resume()
    client.destroy()
    assertCode(await server.result, 'upload-too-large')
    assert.deepEqual(await readdir(dir), [])
  },
)

test('a client that falls silent and a signal both end as upload-aborted', limit, async () => {
  const silent = new Readable({ read() {} })
  silent.push('x')
  await assert.rejects(receiveUpload(silent, { dir, idleTimeoutMs: 20 }), (error) => {
    assertCode(error, 'upload-aborted')
    return true
  })
  const controller = new AbortController()
  const received = receiveUpload(silent, { dir, signal: controller.signal })
  controller.abort()
  await assert.rejects(received, { code: 'upload-aborted' })
  assert.deepEqual(await readdir(dir), [])
  silent.destroy()
})

test('uploads of an earlier run are removed', limit, async () => {
  await mkdir(dir)
  await writeFile(join(dir, 'old.tar.gz'), 'x')
  await clearUploads(dir)
  assert.deepEqual(await readdir(dir), [])
})

const skip = process.getuid?.() === 0 ? false : 'SKIPPED: needs root to mount a tiny disk'
test('a full disk is said, and nothing is left', { ...limit, skip }, async () => {
  await mkdir(dir)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
  try {
    const large = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(64 * 1024)))
    await assert.rejects(receiveUpload(large, { dir }), { code: 'disk-full' })
    assert.deepEqual(await readdir(dir), [])
  } finally {
    execFileSync('umount', [dir])
  }
})

async function until(predicate: () => Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await predicate())) {
    assert.ok(Date.now() < deadline, 'It did not become true in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
