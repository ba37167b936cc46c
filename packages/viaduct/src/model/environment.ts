/**
 * What the environment of an instance is made of, as a release keeps it; docs/environment.md has
 * the order. Plain data: `build/compose-environment.ts` puts it together.
 */

/** A line of the tree's `.env` that sets a variable. */
export interface DotenvLine {
  readonly key: string
  /**
   * Without its quotes. In double quotes `\n`, `\r`, `\t`, `\"` and `\\` are read; `\$` is left as
   * it is, for who looks for `$NAME`.
   */
  readonly value: string
  /** `$NAME` in single quotes means just that. */
  readonly quote: 'single' | 'double' | 'none'
  /** From 1; where the key is. */
  readonly line: number
}

/** A port that users set as `PORT`: the app's own, as the manifest's `port` is. */
export interface PublicPort {
  /** 1 to 65535. */
  readonly number: number
  /** For people: `.env:3`, `config group x` … */
  readonly from: string
}

/** Config that apps can share. Store key `config-groups/NAME`. */
export interface ConfigGroup {
  readonly schema: 1
  readonly name: string
  readonly config: Readonly<Record<string, string>>
  /** Unix milliseconds. */
  readonly changedAt: number
}

/** Config that several apps share, as it was when a release was made. */
export interface BoundGroup {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
}
