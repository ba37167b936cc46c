/**
 * What a client sent, once it is complete on disk. Not the unpacked tree: that is an artifact.
 */
export interface Upload {
  /** Absolute path of the tar.gz file, mode 0600. Whoever takes the upload removes the file. */
  readonly path: string
  /** Lower-case hexadecimal sha256 of the file. */
  readonly sha256: string
  readonly bytes: number
}
