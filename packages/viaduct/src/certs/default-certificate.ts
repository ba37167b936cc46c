/** The certificate of names that have none: signed by ourselves, so that TLS works at all. */
import type { Certificate } from '../model/tls/certificate.ts'
import { selfSignedLifetimeMs } from '../model/limits.ts'
import type { CertificateFiles } from './certificate-files.ts'
import { checkCertificate } from './own/check-certificate.ts'
import { makeKey, makeSelfSigned, renderKey } from './x509/make-certificate.ts'

/** Reads it, or makes it when there is none or two thirds of its lifetime are over. */
export async function openDefault(files: CertificateFiles, now: number): Promise<Certificate> {
  const known = await files.readDefault()
  if (known && known.notAfter - now > selfSignedLifetimeMs / 3) return known
  const made = makeDefault(now)
  await files.writeDefault(made)
  return made
}

function makeDefault(now: number): Certificate {
  const key = makeKey()
  // Clocks of clients may be a day behind.
  const times = { notBefore: now - 86_400_000, notAfter: now + selfSignedLifetimeMs }
  const certPem = makeSelfSigned({ key, names: ['localhost', '*.localhost'], ...times })
  const given = { domain: 'localhost', certPem, keyPem: renderKey(key) }
  return checkCertificate(given, { source: 'self-signed', now })
}
