/**
 * Whether a client takes a content coding (RFC 9110 §12.5.3).
 *
 * A field is as long as a head may be, and a stranger writes it: no pattern here that looks at a
 * byte twice.
 *
 * @param acceptEncoding Value of `Accept-Encoding`.
 * @param coding Lower case.
 */
export function acceptsCoding(acceptEncoding: string, coding: string): boolean {
  return acceptEncoding.split(',').some((offer) => {
    const [name = '', weight = ''] = offer.toLowerCase().split(';')
    return name.trim() === coding && !/^q=0(?:\.0*)?$/.test(weight.trim())
  })
}
