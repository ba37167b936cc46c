import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { routeJournalMinBytes } from '../../model/limits.ts'
import { RouteFile, readRouteTable } from './route-file.ts'

const module = new URL('./route-file.ts', import.meta.url).href
const change = (generation: number, name = 'a'): Parameters<RouteFile['write']>[0] => ({
  ...{ generation, previous: generation - 1, set: [], removed: [] },
  defaultApp: name as never,
})
const tableAt = (generation: number) => () => ({
  ...({ schema: 2, generation, apps: [], defaultApp: null } as const),
})

test('changes are appended, and the table is written anew when they have grown', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-routes-'))
  const path = join(folder, 'routes.json')
  assert.equal(await readRouteTable(path), null)
  const file = new RouteFile(path)
  let longest = 0
  let before = 0
  let shorter = 0
  for (let generation = 1; generation < 200; generation++) {
    await file.write(change(generation, 'x'.repeat(1000)), tableAt(generation))
    const text = await readFile(path, 'utf8')
    longest = Math.max(longest, text.length)
    if (text.length < before) shorter++
    before = text.length
    assert.equal((await readRouteTable(path))?.generation, generation)
  }
  assert.ok(
    longest > routeJournalMinBytes / 2 && longest <= routeJournalMinBytes + 200,
    `${longest}`,
  )
  assert.equal(shorter, 3, 'of 220 kB of changes')
  await rm(folder, { recursive: true })
})

/** Writes until the kernel lets the file grow no further, then once more. */
const script = `
const { RouteFile } = await import(${JSON.stringify(module)})
const file = new RouteFile(process.argv[2])
const table = (generation) => () => ({ schema: 2, generation, apps: [], defaultApp: null })
const write = (generation) => file.write(
  { generation, previous: generation - 1, set: [], removed: [], defaultApp: 'app' }, table(generation))
let generation = 1
for (; ; generation++) {
  try { await write(generation) } catch (error) { console.log(generation, error.code); break }
}
const { readFile } = await import('node:fs/promises')
console.log((await readFile(process.argv[2], 'utf8')).trim().split('\\n').length)
await file.write({ generation: 99, previous: generation - 1, set: [], removed: [], defaultApp: null },
  table(99))
`

test('a change that could not be written is not there for a reader, and the next one is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-routes-'))
  const path = join(folder, 'routes.json')
  await writeFile(join(folder, 'script.mjs'), script)
  // A file may have one block (512 or 1024 bytes): the write that goes beyond is cut in its middle.
  const limited = 'ulimit -f 1; exec "$0" "$@"'
  const args = ['-c', limited, process.execPath, join(folder, 'script.mjs'), path]
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0)
  const [failed, reason, lines] = said.trim().split(/\s+/)
  assert.equal(reason, 'EFBIG')
  assert.ok(Number(failed) > 3, said)
  assert.equal(Number(lines), Number(failed) - 1)
  assert.equal((await readRouteTable(path))?.generation, 99)
  await rm(folder, { recursive: true })
})
