/** The routes of certificates: those that users give, and those that are ordered by ACME. */
import { certificatePemMaxBytes } from '../../model/limits.ts'
import { certificateSchema } from '../resources.ts'
import { json, nothing, route } from '../route.ts'
import { array, object, string } from '../schema.ts'
import { pageQuery } from './parameters.ts'

/** Which names there are is the server's to know: `model/tls/certificate.ts`. */
const domainParams = object({ domain: string({ maxLength: 255, 'x-error': 'bad-domain' }) })
const pem = string({ minLength: 1, maxLength: certificatePemMaxBytes })

export const certificateRoutes = {
  'certificates.list': route({
    method: 'GET',
    path: '/certificates',
    summary: 'Certificates, and domains that are routed without one; never their keys',
    scope: 'read',
    query: pageQuery,
    page: { key: 'domain', order: 'ascending' },
    answer: json(array(certificateSchema), 'The certificates, by domain'),
  }),
  'certificates.add': route({
    method: 'PUT',
    path: '/certificates/:domain',
    summary: 'Serves a certificate of your own for a domain; open connections are not touched',
    scope: 'admin',
    params: domainParams,
    body: object({ certificate: pem, privateKey: pem }),
    answer: json(certificateSchema, 'It is served'),
    errors: ['bad-domain', 'bad-certificate', 'busy', 'disk-full'],
  }),
  'certificates.remove': route({
    method: 'DELETE',
    path: '/certificates/:domain',
    summary: 'Removes a certificate; one is ordered when the domain is routed and ACME is on',
    scope: 'admin',
    params: domainParams,
    answer: nothing('It is served no more'),
    errors: ['bad-domain', 'certificate-not-found', 'disk-full'],
  }),
  'certificates.renew': route({
    method: 'POST',
    path: '/certificates/:domain/renew',
    summary: 'Orders a certificate now, and answers when it is served',
    scope: 'admin',
    params: domainParams,
    answer: json(certificateSchema, 'It is served'),
    errors: ['bad-domain', 'acme-off', 'acme-failed', 'exists', 'disk-full'],
  }),
}
