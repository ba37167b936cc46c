/** Three versions of examples/hello: the app, a change of it, and one that is broken. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const hello = join(import.meta.dirname, '../../examples/hello')

/** The demo shows the failure; nobody has to wait a minute for it. */
const readyTimeoutMs = 3_000

export interface DemoApps {
  readonly first: string
  readonly second: string
  /** Listens on another port than it is told, so it never gets ready. */
  readonly broken: string
}

/** @param directory An existing folder; the apps go into folders of their own below it. */
export async function prepareApps(directory: string): Promise<DemoApps> {
  const second = join(directory, 'hello-second')
  const broken = join(directory, 'hello-broken')
  await cp(hello, second, { recursive: true })
  await replaceInServer(second, "GREETING = 'Hello'", "GREETING = 'Good morning'")
  await cp(hello, broken, { recursive: true })
  await replaceInServer(broken, 'server.listen(Number(PORT)', 'server.listen(0')
  const manifest = { version: 1, name: 'hello', timeouts: { readyTimeoutMs } }
  await writeFile(join(broken, 'viaduct.json'), JSON.stringify(manifest, null, 2))
  return { first: hello, second, broken }
}

async function replaceInServer(app: string, from: string, to: string): Promise<void> {
  const path = join(app, 'server.js')
  const text = await readFile(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${path} has no ${JSON.stringify(from)} to replace`)
  await writeFile(path, text.replace(from, to))
}
