/** Archives made by hand, so that they can be as wrong as a test wants. */

export interface RawEntry {
  readonly path: string
  readonly body?: string | Buffer
  /** `0` file, `1` hard link, `2` symbolic link, `3` device, `5` folder, `6` FIFO. Default `0`. */
  readonly type?: string
  readonly linkpath?: string
}

/** A tar archive, not gzipped. Bodies are written as they are, names up to 100 bytes. */
export function rawTar(...entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(rawEntry), Buffer.alloc(1024)])
}

function rawEntry({ path, body = '', type = '0', linkpath = '' }: RawEntry): Buffer {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(512)
  head.write(path, 0, 100)
  head.write('0000644\0', 100)
  head.write('0000000\0'.repeat(2), 108)
  head.write(bytes.length.toString(8).padStart(11, '0'), 124)
  head.write('00000000000', 136)
  head.write(' '.repeat(8), 148)
  head.write(type, 156)
  head.write(linkpath, 157, 100)
  head.write('ustar\x0000', 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}
