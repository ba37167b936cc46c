import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Certificate } from '../../model/tls/certificate.ts'
import { acmeOrdersMax, certificatesMax } from '../../model/limits.ts'
import { silentLog } from '../../model/log.ts'
import { Renewals } from './renewals.ts'

function certificate(domain: string): Certificate {
  const times = { notBefore: Date.now(), notAfter: Date.now() + 90 * 86_400_000 }
  const facts = { source: 'acme', issuer: 'x', certPem: '', keyPem: '' } as const
  return { id: '0'.repeat(64), domain, names: [domain], ...times, ...facts }
}

/** An authority whose orders end when the test says so. */
function openRenewals(there: Certificate[] = []) {
  const orders: { domain: string; end: (certificate: Certificate) => void }[] = []
  const events: string[] = []
  const renewals = new Renewals({
    authority: {
      order: ({ domain }) => new Promise((end) => orders.push({ domain, end })),
    },
    certificates: () => there,
    keep: async (made) => void there.push(made),
    attempts: new Map(),
    writeAttempts: async () => {},
    log: { ...silentLog, warn: (event) => void events.push(event) },
    ...{ now: Date.now, random: () => 0 },
  })
  return { renewals, orders, events }
}

test('so many orders go on at a time and no more; each that ends lets the next begin', async () => {
  const { renewals, orders } = openRenewals()
  const domains = Array.from({ length: 10 }, (_, i) => `a${i}.de`)
  renewals.want(new Set(domains))
  renewals.look()
  assert.equal(orders.length, acmeOrdersMax)
  for (let ended = 0; ended < 10; ended++) {
    assert.equal(renewals.ordering.size, Math.min(acmeOrdersMax, 10 - ended))
    const { domain, end } = orders[ended] ?? assert.fail('no order')
    const done = renewals.order(domain)
    end(certificate(domain))
    await done
  }
  assert.deepEqual(
    orders.map(({ domain }) => domain),
    domains,
  )
})

test('no more are ordered than a snapshot can hold, but those that are there are renewed', async () => {
  const there = Array.from({ length: certificatesMax }, (_, i) => certificate(`a${i}.de`))
  there[0] = { ...certificate('a0.de'), notBefore: 0, notAfter: 1 }
  const { renewals, orders, events } = openRenewals(there)
  renewals.want(new Set(['new.de', 'other.de', 'a0.de']))
  assert.deepEqual(
    orders.map(({ domain }) => domain),
    ['a0.de'],
  )
  assert.deepEqual(events, ['certificate.too-many'])
})
