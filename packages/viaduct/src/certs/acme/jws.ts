/** The signatures of ACME: JWS with ES256 (RFC 7515), key thumbprints, external accounts. Pure. */
import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto'

export interface Jws {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** The members that RFC 7638 hashes, in its order. */
export interface PublicJwk {
  readonly crv: string
  readonly kty: string
  readonly x: string
  readonly y: string
}

export function base64url(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64url')
}

/** @param key ECDSA on P-256. */
export function publicJwk(key: KeyObject): PublicJwk {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  return { crv, kty, x, y }
}

/** RFC 7638, base64url. */
export function thumbprint(key: KeyObject): string {
  return createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url')
}

/** @param payload undefined: the empty payload of a POST-as-GET. */
export function signJws(key: KeyObject, header: object, payload: unknown): Jws {
  const head = base64url(JSON.stringify({ alg: 'ES256', ...header }))
  const body = payload === undefined ? '' : base64url(JSON.stringify(payload))
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
    key,
    dsaEncoding: 'ieee-p1363',
  })
  return { protected: head, payload: body, signature: base64url(signature) }
}

/** Ties an account key to an account that the authority knows (RFC 8555 §7.3.4). */
export function bindExternalAccount(
  key: KeyObject,
  binding: { keyId: string; macKey: string; url: string },
): Jws {
  const { keyId, macKey, url } = binding
  const head = base64url(JSON.stringify({ alg: 'HS256', kid: keyId, url }))
  const payload = base64url(JSON.stringify(publicJwk(key)))
  const hmac = createHmac('sha256', Buffer.from(macKey, 'base64url'))
  return {
    protected: head,
    payload,
    signature: hmac.update(`${head}.${payload}`).digest('base64url'),
  }
}
