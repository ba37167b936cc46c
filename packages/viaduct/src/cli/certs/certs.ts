/** `viaduct certs`: lists certificates; `add`, `remove` and `renew` are in their own files. */
import type { Command } from 'commander'
import type { CertificateResource } from '../../contract/resources.ts'
import { renderTable } from '../output/render-table.ts'
import type { Paint } from '../output/terminal.ts'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'
import { defineCertsAdd } from './add.ts'
import { defineCertsRemove } from './remove.ts'
import { defineCertsRenew } from './renew.ts'

export function defineCerts(command: Command): void {
  addServerOptions(command).action(listCertificates)
  defineCertsAdd(command.command('add'))
  defineCertsRemove(command.command('remove'))
  defineCertsRenew(command.command('renew'))
}

async function listCertificates(options: SessionOptions): Promise<void> {
  const { terminal, client } = await openSession(options)
  const certificates = await client.certificates.list()
  terminal.printJson({ certificates })
  if (certificates.length === 0) {
    return terminal.print('No certificates, and no domain that is routed needs one.')
  }
  const titles = ['DOMAIN', 'STATE', 'ISSUER', 'VALID UNTIL', 'RENEWS']
  const { paint } = terminal
  terminal.print(
    renderTable(
      titles.map((title) => ({ title })),
      certificates.map((one) => renderCertificate(one, paint)),
      paint,
    ),
  )
  for (const { lastError, retriesAt } of certificates) {
    if (lastError === null) continue
    const again = retriesAt === null ? '' : `; again at ${renderTime(retriesAt)}`
    terminal.print(`${paint('yellow', 'failed:')} ${lastError}${again}`)
  }
}

const stateStyles = {
  valid: 'green',
  expired: 'red',
  ordering: 'cyan',
  missing: 'yellow',
  unused: 'dim',
} as const

function renderCertificate(one: CertificateResource, paint: Paint): string[] {
  const { domain, state, source, issuer, notAfter, renewsAt } = one
  const renews = source === 'own' ? 'by you' : renewsAt === null ? '' : renderTime(renewsAt)
  return [
    paint('bold', domain),
    paint(stateStyles[state], state),
    issuer ?? '',
    notAfter === null ? '' : renderTime(notAfter),
    renews,
  ]
}

/** `2026-11-21 05:59`, UTC. */
export function renderTime(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 16).replace('T', ' ')
}
