/** `viaduct certs renew`: orders a certificate now, whatever is planned, and waits for it. */
import type { Command } from 'commander'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'
import { renderTime } from './certs.ts'

export function defineCertsRenew(command: Command): void {
  addServerOptions(
    command
      .summary('order a certificate now')
      .description('Order a certificate now, and wait until it is served.')
      .argument('<domain>', 'a host name that leads to this server'),
  ).action((domain: string, _options: SessionOptions, self: Command) =>
    renewCertificate(domain, self.optsWithGlobals()),
  )
}

async function renewCertificate(domain: string, options: SessionOptions): Promise<void> {
  const { terminal, client } = await openSession(options)
  const renewed = await client.certificates.renew(domain)
  terminal.printJson({ certificate: renewed })
  const until = renewed.notAfter === null ? '' : ` until ${renderTime(renewed.notAfter)}`
  terminal.print(`${terminal.paint('bold', domain)} has a new certificate${until}`)
}
