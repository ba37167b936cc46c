/**
 * What keepers, daemons and proxies that were killed left in `run/` and among the control groups:
 * removed when the next keeper has adopted what lives. Nothing that somebody uses is touched.
 */
import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { removeUnfinishedWrites } from '../durable/write-file-durably.ts'
import { systemCodeOf } from '../model/app-error.ts'
import type { DataLayout } from '../model/layout.ts'
import { removeCgroup } from './cgroup.ts'
import type { ChildTable } from './child-table.ts'
import { readProcess } from './process-facts.ts'

/** Call it when daemon and proxies run, and before instances are started. */
export async function removeLeftovers(options: {
  layout: DataLayout
  table: ChildTable
  cgroupBase: string | null
}): Promise<void> {
  const { layout, table, cgroupBase } = options
  const ids = new Set(table.rows().map((row) => (row.kind === 'instance' ? row.id : null)))
  const unknown = async (folder: string): Promise<string[]> =>
    (await namesIn(folder)).filter((name) => !ids.has(name)).map((name) => join(folder, name))
  for (const path of await unknown(layout.instances)) await rm(path, { recursive: true })
  const buses = new Set([...ids].map((id) => basename(layout.bus(id ?? ''))))
  const strays = (await namesIn(layout.buses)).filter((name) => !buses.has(name))
  for (const name of strays) await rm(join(layout.buses, name), { recursive: true })
  if (cgroupBase !== null) for (const path of await unknown(cgroupBase)) removeCgroup(path)
  await removeUnfinishedWrites(layout.children)
  await removeUnfinishedWrites(layout.settings)
  const abandoned = (await namesIn(layout.run)).filter(isAbandoned)
  for (const name of abandoned) await rm(join(layout.run, name), { force: true })
}

/** Sockets are named for the process that made them. The keeper's own is made after this. */
function isAbandoned(name: string): boolean {
  if (name === 'keeper.sock') return true
  const pid = /^(?:proxy-\d+|handback-\d+|ipc|bus)-(\d+)(?:-\d+)?\.sock$/.exec(name)?.[1]
  return pid !== undefined && (readProcess(Number(pid))?.state ?? 'Z') === 'Z'
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}
