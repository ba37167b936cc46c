/**
 * What a token may do. Each route of the contract names one scope; a token has it or not. There is
 * no other check anywhere, and a route without an answer here cannot be declared.
 */

/** From least to most: each includes those before it. */
export const scopes = ['read', 'deploy', 'admin'] as const

/**
 * `read`: look at everything but secrets. `deploy`: change apps, read their config.
 * `admin`: destroy apps, make and revoke tokens.
 */
export type Scope = (typeof scopes)[number]

/**
 * True when one of the scopes that were granted is `wanted` or includes it. Unknown ones count for
 * nothing.
 */
export function allows(granted: readonly string[], wanted: Scope): boolean {
  return scopes.slice(scopes.indexOf(wanted)).some((scope) => granted.includes(scope))
}
