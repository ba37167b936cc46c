/**
 * One order from its begin to the certificate (RFC 8555 §7.4): authorize the domain by a challenge,
 * finalize, download.
 */
import { createHash, type KeyObject, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  acmePollMaxMs,
  acmePollMs,
  acmeOrderTimeoutMs,
  challengeLifetimeMs,
} from '../../model/limits.ts'
import type { TlsChallenge } from '../../model/tls/tls-table.ts'
import { makeKey, makeRequest, makeSelfSigned, renderKey } from '../x509/make-certificate.ts'
import { AcmeError, acmeError } from './acme-problem.ts'
import type { AcmeAnswer, AcmeSession } from './acme-session.ts'
import { base64url, thumbprint } from './jws.ts'

export type ChallengeType = 'http-01' | 'tls-alpn-01'

/** What the proxies have to answer while an order goes on. */
export type ChallengeAnswer =
  | { readonly type: 'http-01'; readonly token: string; readonly keyAuthorization: string }
  | ({ readonly type: 'tls-alpn-01' } & TlsChallenge)

/** Where answers are put. Resolves when every proxy gives them. */
export interface ChallengeBoard {
  put(answer: ChallengeAnswer): Promise<void>
  remove(answer: ChallengeAnswer): Promise<void>
}

export interface OrderOptions {
  readonly session: AcmeSession
  /** Of the account: it signs what challenges are answered with. */
  readonly accountKey: KeyObject
  readonly domain: string
  /** Which challenge to take when there are both. */
  readonly preferred: ChallengeType
  readonly board: ChallengeBoard
  readonly now: () => number
  readonly signal: AbortSignal
}

/**
 * @returns The chain, leaf first, and its new private key, both PEM.
 * @throws {AcmeError} What the authority said; nothing is left on the board.
 */
export async function orderCertificate(
  options: OrderOptions,
): Promise<{ certPem: string; keyPem: string }> {
  const limit = AbortSignal.timeout(acmeOrderTimeoutMs)
  const signal = AbortSignal.any([options.signal, limit])
  try {
    return await carryOut({ ...options, signal })
  } catch (error) {
    options.signal.throwIfAborted()
    if (!limit.aborted) throw error
    const what = `The order was not finished in ${acmeOrderTimeoutMs} ms`
    throw new AcmeError('bad-answer', what, { cause: error })
  }
}

async function carryOut(options: OrderOptions): Promise<{ certPem: string; keyPem: string }> {
  const { session, domain } = options
  const { newOrder } = await session.directory()
  const identifiers = [{ type: 'dns', value: domain }]
  const made = await session.post(newOrder, { identifiers })
  const url = made.location
  if (url === null) throw new AcmeError('bad-answer', 'A new order has no URL')
  for (const authorization of strings(made.json['authorizations'])) {
    await authorize(authorization, options)
  }
  const ready = await poll(url, ['ready', 'valid'], options)
  const key = makeKey()
  const csr = base64url(makeRequest(key, [domain]))
  await session.post(String(ready.json['finalize']), { csr })
  const valid = await poll(url, ['valid'], options)
  const { text } = await session.post(String(valid.json['certificate']))
  return { certPem: text, keyPem: renderKey(key) }
}

async function authorize(url: string, options: OrderOptions): Promise<void> {
  const { session, board } = options
  const { json } = await session.post(url)
  // An authority may know from an earlier order that the domain is ours.
  if (json['status'] === 'valid') return
  const challenge = chooseChallenge(json['challenges'], options)
  const answer = answerOf(challenge, options)
  try {
    await board.put(answer)
    await session.post(challenge.url, {})
    await poll(url, ['valid'], options)
  } finally {
    await board.remove(answer)
  }
}

interface Challenge {
  readonly type: ChallengeType
  readonly url: string
  readonly token: string
}

function chooseChallenge(offered: unknown, options: OrderOptions): Challenge {
  const all = (Array.isArray(offered) ? offered : []) as readonly Challenge[]
  const known = all.filter(({ type }) => type === 'http-01' || type === 'tls-alpn-01')
  const chosen = known.find(({ type }) => type === options.preferred) ?? known[0]
  if (chosen && typeof chosen.url === 'string' && /^[\w-]{1,500}$/.test(chosen.token)) return chosen
  const types = all.map(({ type }) => type).join(', ')
  throw new AcmeError('bad-answer', `It offers no challenge that can be answered (${types})`)
}

function answerOf({ type, token }: Challenge, options: OrderOptions): ChallengeAnswer {
  const { domain, accountKey, now } = options
  const keyAuthorization = `${token}.${thumbprint(accountKey)}`
  if (type === 'http-01') return { type, token, keyAuthorization }
  const key = makeKey()
  const certPem = makeSelfSigned({
    ...{ key, names: [domain] },
    ...{ notBefore: now() - challengeLifetimeMs, notAfter: now() + challengeLifetimeMs },
    acmeIdentifier: createHash('sha256').update(keyAuthorization).digest(),
  })
  return { type, domain, certPem, keyPem: renderKey(key) }
}

/** Asks until the order or authorization has one of the states that are wanted. */
async function poll(
  url: string,
  wanted: readonly string[],
  { session, now, signal }: OrderOptions,
): Promise<AcmeAnswer> {
  for (let waitMs = acmePollMs; ; waitMs = Math.min(waitMs * 2, acmePollMaxMs)) {
    const answer = await session.post(url)
    const status = String(answer.json['status'])
    if (wanted.includes(status)) return answer
    if (!['pending', 'processing', 'ready'].includes(status)) throw failureIn(answer.json, status)
    const asked = answer.retryAt === null ? 0 : answer.retryAt - now()
    await sleep(Math.max(waitMs, Math.min(asked, acmePollMaxMs)) + randomInt(20), null, { signal })
  }
}

/** The reason is in the order itself, or in the challenge of an authorization. */
function failureIn(json: Record<string, unknown>, status: string): AcmeError {
  const challenges = Array.isArray(json['challenges']) ? json['challenges'] : []
  const failed = challenges.find((one) => Object(one).error !== undefined) as { error?: unknown }
  const problem = json['error'] ?? failed?.error
  return problem ? acmeError(problem) : new AcmeError('bad-answer', `The order became ${status}`)
}

function strings(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : []).filter((one) => typeof one === 'string')
}
