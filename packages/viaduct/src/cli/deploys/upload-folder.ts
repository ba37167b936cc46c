/** Packs a folder and sends it while it is packed; shows how far it is, and what was left out. */
import type { DeployResource } from '../../contract/resources.ts'
import type { AppName } from '../../model/ids.ts'
import { packFolder } from '../../sources/pack-folder.ts'
import { renderBytes, renderDuration } from '../output/render-amounts.ts'
import { openStatusLine } from '../output/status-line.ts'
import type { Session } from '../session.ts'

/** @returns The deploy that the upload began. @throws {AppError} What the server says to it. */
export async function uploadFolder(
  session: Session,
  source: { app: AppName; directory: string; commit: string | undefined },
): Promise<DeployResource> {
  const { client, terminal } = session
  const startedAt = performance.now()
  using status = openStatusLine(terminal)
  status.show('Packing')
  let bytes = 0
  const packed = await packFolder(source.directory, {
    onProgress(count) {
      bytes = count
      status.show(`Uploading ${renderBytes(bytes)}`)
    },
  })
  const deploy = await client.deploys.create(source.app, packed.stream, {
    ...(source.commit !== undefined && { commit: source.commit }),
  })
  const tookMs = performance.now() - startedAt
  const { entries, skipped } = packed
  terminal.printJson({ type: 'uploaded', bytes, entries, skipped, tookMs, deploy })
  const took = terminal.paint('dim', `  ${renderDuration(tookMs)}`)
  const sign = terminal.paint('green', '✓')
  status.print(`  ${sign} Uploaded ${renderEntries(entries)}, ${renderBytes(bytes)}${took}`)
  if (skipped.length > 0)
    status.print(`  ${terminal.paint('yellow', '!')} ${renderSkipped(skipped)}`)
  return deploy
}

function renderEntries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`
}

/** An ignore file is often meant for git only; what the app may miss must not go in silence. */
function renderSkipped(skipped: readonly string[]): string {
  const shown = skipped.slice(0, 5).join(', ')
  const more = skipped.length > 5 ? ` and ${skipped.length - 5} more` : ''
  const why = 'an ignore file says so; .viaductignore overrules .gitignore'
  return `Not uploaded: ${shown}${more} (${why})`
}
