/**
 * The keeper's own log, `keeper.platform.log`: one JSON object per line with a fixed event name.
 *
 * A few lines per start and death of something; the apps' output is `logs/`.
 */
import { RotatingWriter } from '../logs/rotating-writer.ts'

export type KeeperLog = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** @returns The log, and the writer to close at the end. */
export function openKeeperLog(options: { file: string; maxBytes: number; filesKept: number }): {
  log: KeeperLog
  writer: RotatingWriter
} {
  const writer = new RotatingWriter(options)
  const log: KeeperLog = (event, fields = {}) => {
    const line = { time: new Date().toISOString(), event, pid: process.pid, ...fields }
    writer.write(Buffer.from(`${JSON.stringify(line)}\n`))
  }
  return { log, writer }
}
