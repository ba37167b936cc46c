/** Answers the route of the configuration directory. */
import type { ConfigDirectoryResource } from '../../contract/routes/directory-routes.ts'
import type { ConfigDirectory } from '../../engine/config-directory/open-config-directory.ts'
import type { AppError } from '../../model/app-error.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'

export function directoryHandlers({
  directory,
}: ApiContext): Pick<Handlers, 'configDirectory.get'> {
  return { 'configDirectory.get': async () => render(directory) }
}

function render(watched: ConfigDirectory | null): ConfigDirectoryResource {
  if (watched === null) return { directory: null, error: null, files: [] }
  const { directory, error, files } = watched.view()
  return {
    directory,
    error: renderError(error),
    files: files.map((one) => ({ ...one, error: renderError(one.error) })),
  }
}

function renderError(error: AppError | null): ConfigDirectoryResource['error'] {
  if (error === null) return null
  const { code, message, hint, data } = error
  return { code, message, hint, data }
}
