/** What a storm over TLS needs: an address, a mix of protocols, and certificates that change. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  makeKey,
  makeSelfSigned,
  renderKey,
} from '../../packages/viaduct/src/certs/x509/make-certificate.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import type { Settings } from '../../packages/viaduct/src/settings/settings.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import type { LoadOptions } from '../../tools/load/start-load.ts'

const dayMs = 86_400_000

/** For a platform that was started with `--https-port`. */
export async function overTls(
  platform: Platform,
  app: string,
): Promise<Pick<LoadOptions, 'url' | 'mix'>> {
  const text = await readFile(dataLayout(platform.dataDir).settings, 'utf8')
  const { httpsPort } = JSON.parse(text) as Settings
  return {
    url: `https://${app}.localhost:${httpsPort}`,
    mix: { h2: 16, h2post: 6, h2sse: 4, h2ws: 4 },
  }
}

/** An own certificate instead of the one before. */
export async function changeCertificate(platform: Platform, app: string): Promise<void> {
  const key = makeKey()
  const domain = `${app}.localhost`
  const times = { notBefore: Date.now() - dayMs, notAfter: Date.now() + dayMs }
  const [cert, keyFile] = ['storm.pem', 'storm.key'].map((name) => join(platform.home, name))
  if (!cert || !keyFile) return
  await writeFile(cert, makeSelfSigned({ key, names: [domain], ...times }))
  await writeFile(keyFile, renderKey(key))
  await platform.run('certs', 'add', domain, '--cert', cert, '--key', keyFile)
  await Promise.all([rm(cert), rm(keyFile)])
}
