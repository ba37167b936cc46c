/** Answers the routes of certificates. No answer has a key in it. */
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'

type CertificateRoute =
  | 'certificates.list'
  | 'certificates.add'
  | 'certificates.remove'
  | 'certificates.renew'

export function certificateHandlers({ certs }: ApiContext): Pick<Handlers, CertificateRoute> {
  return {
    'certificates.list': async () => certs.list(),
    'certificates.add': ({ params, body }) =>
      certs.add(params.domain, { certPem: body.certificate, keyPem: body.privateKey }),
    'certificates.remove': async ({ params }) => {
      await certs.remove(params.domain)
      return undefined
    },
    'certificates.renew': ({ params }) => certs.renew(params.domain),
  }
}
