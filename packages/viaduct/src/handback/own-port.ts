/** How the socket of an app's own port is called where sockets are passed on: `port:9000`. */

export function ownPortName(port: number): string {
  return `port:${port}`
}

/** @returns null for the name of another socket. */
export function parseOwnPortName(name: string): number | null {
  const digits = /^port:(\d{1,5})$/.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}

/**
 * The descriptors of own ports that a proxy inherits, as the value of `VIADUCT_OWN_PORTS`:
 * `9000=6,9001=7`.
 */
export function renderInherited(fds: ReadonlyMap<number, number>): string {
  return [...fds].map(([port, fd]) => `${port}=${fd}`).join(',')
}

/** @returns Descriptors by port. */
export function parseInherited(text: string | undefined): Map<number, number> {
  const pairs = (text ?? '').split(',').filter((pair) => pair !== '')
  return new Map(pairs.map((pair) => pair.split('=').map(Number) as [number, number]))
}
