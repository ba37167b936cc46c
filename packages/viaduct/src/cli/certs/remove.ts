/** `viaduct certs remove`: serves a certificate no more. */
import type { Command } from 'commander'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'

export function defineCertsRemove(command: Command): void {
  addServerOptions(
    command
      .summary('serve a certificate no more')
      .description('Serve a certificate no more. One is ordered instead where ACME is on.')
      .argument('<domain>', 'as "viaduct certs" shows it'),
  ).action((domain: string, _options: SessionOptions, self: Command) =>
    removeCertificate(domain, self.optsWithGlobals()),
  )
}

async function removeCertificate(domain: string, options: SessionOptions): Promise<void> {
  const { terminal, client } = await openSession(options)
  await client.certificates.remove(domain)
  terminal.printJson({ removed: domain })
  terminal.print(`The certificate of ${terminal.paint('bold', domain)} is gone`)
}
