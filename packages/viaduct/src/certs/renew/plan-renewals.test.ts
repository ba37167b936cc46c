import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Certificate, CertificateSource } from '../../model/tls/certificate.ts'
import { acmeBackoffMaxMs } from '../../model/limits.ts'
import { type Attempt, planRenewals, renewalAt, retryAt } from './plan-renewals.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 21)

function certificate(
  domain: string,
  from: number,
  source: CertificateSource = 'acme',
): Certificate {
  const id = createHash('sha256').update(`${domain}${from}${source}`).digest('hex')
  const times = { notBefore: now + from * day, notAfter: now + (from + 90) * day }
  return { id, domain, names: [domain], ...times, source, issuer: 'x', certPem: '', keyPem: '' }
}

function plan(facts: Partial<Parameters<typeof planRenewals>[0]>) {
  const attempts = new Map<string, Attempt>()
  return planRenewals({
    ...{ now, wanted: [], certificates: [], attempts, ordering: new Set() },
    ...facts,
  })
}

function failed(retryAt: number): Attempt {
  return { failures: 1, at: now, retryAt, message: 'no' }
}

test('a domain without a certificate is due at once, one that is not routed never', () => {
  assert.deepEqual(plan({ wanted: ['a.de'], certificates: [certificate('b.de', -100)] }), {
    due: [{ domain: 'a.de', reason: 'missing' }],
    nextAt: Infinity,
  })
})

test('renewal is due between 61.6 and 66.7 % of the lifetime, and the plan says when', () => {
  const one = certificate('a.de', 0)
  const wanted = ['a.de']
  const at = renewalAt(one)
  assert.ok(at > now + 55.4 * day && at <= now + 60 * day)
  assert.deepEqual(plan({ wanted, certificates: [one] }), { due: [], nextAt: at })
  assert.deepEqual(plan({ wanted, certificates: [one], now: at - 1 }).due, [])
  const due = plan({ wanted, certificates: [one], now: at }).due
  assert.deepEqual(due, [{ domain: 'a.de', reason: 'renewal' }])
})

test('certificates that were made together are not renewed together', () => {
  const days = new Set(
    Array.from({ length: 1000 }, (_, i) => Math.floor(renewalAt(certificate(`a${i}.de`, 0)) / day)),
  )
  assert.ok(days.size >= 4, `${days.size} days`)
})

test('after a failure nothing is due before its time, nor while an order is under way', () => {
  const attempts = new Map([['a.de', failed(now + 5000)]])
  assert.deepEqual(plan({ wanted: ['a.de'], attempts }), { due: [], nextAt: now + 5000 })
  assert.equal(plan({ wanted: ['a.de'], attempts, now: now + 5000 }).due.length, 1)
  const ordering = new Set(['a.de'])
  assert.deepEqual(plan({ wanted: ['a.de'], ordering }), { due: [], nextAt: Infinity })
})

test('what a user gave is never replaced, also when it covers by a wildcard or has expired', () => {
  const own = { ...certificate('x', -200, 'own'), names: ['*.a.de', 'a.de'] }
  const { due } = plan({ wanted: ['a.de', 'b.a.de', 'c.b.a.de'], certificates: [own] })
  assert.deepEqual(
    due.map(({ domain }) => domain),
    ['c.b.a.de'],
  )
})

test('names that no authority can prove are left out', () => {
  const wanted = ['localhost', 'app.localhost', 'app', '*.a.de', 'a.de']
  assert.deepEqual(
    plan({ wanted }).due.map(({ domain }) => domain),
    ['a.de'],
  )
})

test('the wait doubles from two minutes to half a day, and never undercuts the server', () => {
  const wait = (failures: number): number =>
    retryAt(failures, { now: 0, retryAt: null, random: 0 }) / 60_000
  assert.deepEqual([1, 2, 3, 4, 5].map(wait), [2, 4, 8, 16, 32])
  assert.equal(wait(100), acmeBackoffMaxMs / 60_000)
  assert.equal(retryAt(1, { now: 0, retryAt: 7 * day, random: 0.5 }), 7 * day)
  assert.equal(retryAt(1, { now: 0, retryAt: 5, random: 0.5 }), 132_000)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, random) => {
        const at = retryAt(n, { now, retryAt: null, random })
        return at > now && at <= now + acmeBackoffMaxMs * 1.2
      },
    ),
  )
})

test('at no time is more due than is wanted, and what is not due has a time', () => {
  const domain: fc.Arbitrary<string> = fc.constantFrom('a.de', 'b.de', 'c.de', 'd.de')
  const facts = fc.record({
    wanted: fc.uniqueArray(domain),
    certificates: fc.array(
      fc
        .tuple(domain, fc.integer({ min: -120, max: 10 }), fc.constantFrom('own', 'acme'))
        .map(([name, from, source]) => certificate(name, from, source as CertificateSource)),
    ),
    attempts: fc
      .array(fc.tuple(domain, fc.integer({ min: -day, max: day })))
      .map((all) => new Map(all.map(([name, wait]) => [name, failed(now + wait)]))),
  })
  fc.assert(
    fc.property(facts, (given) => {
      const { due, nextAt } = plan(given)
      assert.ok(nextAt > now)
      for (const { domain } of due) assert.ok(given.wanted.includes(domain))
      if (nextAt === Infinity) return
      const later = plan({ ...given, now: nextAt })
      assert.ok(later.due.length > due.length, 'somebody becomes due then')
    }),
  )
})
