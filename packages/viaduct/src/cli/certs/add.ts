/** `viaduct certs add`: serves a certificate of the user's own. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError, messageOf } from '../../model/app-error.ts'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'
import { renderTime } from './certs.ts'

interface AddOptions extends SessionOptions {
  readonly cert: string
  readonly key: string
}

export function defineCertsAdd(command: Command): void {
  addServerOptions(
    command
      .summary('serve a certificate of your own')
      .description('Serve a certificate of your own. Open connections are not touched.')
      .argument('<domain>', 'e.g. www.example.com or *.example.com')
      .requiredOption('--cert <file>', "PEM: the domain's certificate first, then its issuers")
      .requiredOption('--key <file>', 'PEM: its private key, without a passphrase'),
  ).action((domain: string, _options: AddOptions, self: Command) =>
    addCertificate(domain, self.optsWithGlobals()),
  )
}

async function addCertificate(domain: string, options: AddOptions): Promise<void> {
  const certificate = await readPem(options.cert)
  const privateKey = await readPem(options.key)
  const { terminal, client } = await openSession(options)
  const added = await client.certificates.add(domain, { certificate, privateKey })
  terminal.printJson({ certificate: added })
  const until = added.notAfter === null ? '' : ` until ${renderTime(added.notAfter)}`
  terminal.print(`${terminal.paint('bold', added.domain)} is served with it${until}`)
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const message = `The file ${path} cannot be read`
    throw new AppError('bad-usage', message, { hint: messageOf(cause), cause })
  }
}
