/** The fields that both ends of HTTP/2 know from the beginning (RFC 7541 appendix A). */
export const staticFields: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((code) => [':status', code] as const),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...names('accept-language accept-ranges accept access-control-allow-origin age allow'),
  ...names('authorization cache-control content-disposition content-encoding content-language'),
  ...names('content-length content-location content-range content-type cookie date etag expect'),
  ...names('expires from host if-match if-modified-since if-none-match if-range'),
  ...names('if-unmodified-since last-modified link location max-forwards proxy-authenticate'),
  ...names('proxy-authorization range referer refresh retry-after server set-cookie'),
  ...names('strict-transport-security transfer-encoding user-agent vary via www-authenticate'),
]

function names(list: string): (readonly [string, string])[] {
  return list.split(' ').map((name) => [name, ''] as const)
}
