/**
 * Refuses requests whose Host is not a name of the API: a web page that makes its own name resolve
 * to 127.0.0.1 (DNS rebinding) could else talk to it as if it were its own server.
 */
import { isIP } from 'node:net'
import { AppError } from '../../model/app-error.ts'

/**
 * Numeric addresses pass: rebinding needs a name.
 *
 * @param names Further names of the API, lower case.
 * @throws {AppError} `forbidden`
 */
export function checkHost(host: string | undefined, names: readonly string[]): void {
  const name = (host ?? '').replace(/:[0-9]*$/, '').toLowerCase()
  const isNumeric = isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
  if (isNumeric || name === 'localhost' || names.includes(name)) return
  throw new AppError('forbidden', `${JSON.stringify(name)} is not a name of this API`, {
    hint: 'Use its address, or name it with "viaduct up --api-domain NAME".',
    data: { host: name },
  })
}
