/** What `viaduct apps` shows of the configuration directory, when the server has one. */
import type { Client } from '../../contract/client.ts'
import type { ConfigDirectoryResource } from '../../contract/routes/directory-routes.ts'
import { AppError } from '../../model/app-error.ts'
import type { Terminal } from '../output/terminal.ts'

type AppFile = ConfigDirectoryResource['files'][number]

/** @returns null when there is none, or it is not for this token: that of some apps only. */
export async function readConfigDirectory(client: Client): Promise<ConfigDirectoryResource | null> {
  try {
    const found = await client.configDirectory.get()
    return found.directory === null ? null : found
  } catch (error) {
    if (error instanceof AppError && error.code === 'forbidden') return null
    throw error
  }
}

/** The file that manages an app; '' for none. */
export function fileOf({ files }: ConfigDirectoryResource, app: string): string {
  return files.find((one) => one.app === app && one.state !== 'removed')?.file ?? ''
}

/** Says what is not as the files have it. */
export function noteFiles(found: ConfigDirectoryResource, { note, paint }: Terminal): void {
  const { directory, error, files } = found
  if (error) note(`${paint('red', 'Error:')} ${error.message}\n${error.hint}`.trimEnd())
  const notes = files.flatMap((file) => noteOf(file) ?? [])
  if (notes.length > 0) note([`In ${directory}:`, ...notes].join('\n'))
}

function noteOf({ file, app, state, error }: AppFile): string | null {
  if (state === 'removed') return `${file} is gone; ${app} runs on, until "viaduct destroy ${app}"`
  if (error === null) return null
  return error.message.startsWith(file) ? error.message : `${file}: ${error.message}`
}
