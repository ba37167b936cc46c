/**
 * Certificates on disk, below `DIR/certs` (0700): one file a domain with chain and key in it, so
 * that the two never disagree; the default certificate; and the failed orders.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readPersisted } from '../durable/read-persisted.ts'
import {
  removeUnfinishedWrites,
  syncDirectory,
  writeFileDurably,
} from '../durable/write-file-durably.ts'
import type { Certificate } from '../model/tls/certificate.ts'
import type { Attempt } from './renew/plan-renewals.ts'

const schema = 1
/** A domain that is still routed is tried again long before. */
const attemptKeptMs = 30 * 86_400_000
const privateFile = { mode: 0o600 }

export class CertificateFiles {
  readonly #dir: string
  readonly #domains: string

  constructor(dir: string) {
    this.#dir = dir
    this.#domains = join(dir, 'domains')
  }

  /** @see accountKey */
  get accounts(): string {
    return join(this.#dir, 'accounts.json')
  }

  /**
   * Makes the folders and reads every certificate.
   *
   * @throws {AppError} `data-damaged`, `data-newer`
   */
  async open(): Promise<Certificate[]> {
    await mkdir(this.#domains, { recursive: true, mode: 0o700 })
    const found: Certificate[] = []
    for (const name of await readdir(this.#domains)) {
      const path = join(this.#domains, name)
      if (name.endsWith('.tmp')) await rm(path, { force: true })
      else found.push(...(await this.#read(path)))
    }
    for (const path of [this.accounts, this.#attempts, this.#default]) {
      await removeUnfinishedWrites(path)
    }
    return found
  }

  /** @throws {AppError} `disk-full` */
  async write(certificate: Certificate): Promise<void> {
    await writeJson(this.#path(certificate.domain), { ...certificate })
  }

  async remove(domain: string): Promise<void> {
    await rm(this.#path(domain), { force: true })
    await syncDirectory(this.#domains)
  }

  /** @returns null: there has never been one. */
  async readDefault(): Promise<Certificate | null> {
    return (await this.#read(this.#default))[0] ?? null
  }

  async writeDefault(certificate: Certificate): Promise<void> {
    await writeJson(this.#default, { ...certificate })
  }

  /** Without those of domains that nobody has ordered for long. */
  async readAttempts(now: number): Promise<Map<string, Attempt>> {
    const file = await readPersisted(this.#attempts, { schema, isRight: isAttempts })
    const all = Object.entries(file?.attempts ?? {})
    return new Map(all.filter(([, { retryAt }]) => retryAt > now - attemptKeptMs))
  }

  async writeAttempts(attempts: ReadonlyMap<string, Attempt>): Promise<void> {
    await writeJson(this.#attempts, { attempts: Object.fromEntries(attempts) })
  }

  get #attempts(): string {
    return join(this.#dir, 'attempts.json')
  }

  get #default(): string {
    return join(this.#dir, 'default.json')
  }

  async #read(path: string): Promise<Certificate[]> {
    const found = await readPersisted(path, { schema, isRight: isCertificate })
    return found ? [found] : []
  }

  /** A domain has no "_", so nothing else has this name. */
  #path(domain: string): string {
    return join(this.#domains, `${domain.replace('*', '_')}.json`)
  }
}

async function writeJson(path: string, value: object): Promise<void> {
  await writeFileDurably(path, `${JSON.stringify({ schema, ...value }, null, 2)}\n`, privateFile)
}

function isCertificate(value: object): value is Certificate {
  const { id, domain, names, notBefore, notAfter, certPem, keyPem } = value as Certificate
  const texts = [id, domain, certPem, keyPem].every((one) => typeof one === 'string')
  const times = [notBefore, notAfter].every((one) => typeof one === 'number')
  return texts && times && Array.isArray(names)
}

function isAttempts(value: object): value is { attempts: Record<string, Attempt> } {
  return 'attempts' in value && typeof value.attempts === 'object' && value.attempts !== null
}
