/** The configuration directory: what is in it, and what became of that. */
import { json, route } from '../route.ts'
import {
  array,
  named,
  nullable,
  object,
  oneOf,
  record,
  string,
  unknown,
  type ValueOf,
} from '../schema.ts'

const problem = object({
  code: string(),
  message: string(),
  hint: string(),
  data: record(unknown('Any value')),
})

const configDirectorySchema = named(
  'ConfigDirectory',
  object({
    directory: nullable(string({ description: 'null: there is none' })),
    error: nullable(problem),
    files: array(
      object({
        file: string({ description: 'Name in the directory' }),
        app: nullable(string()),
        state: oneOf(['applied', 'refused', 'removed'], {
          description:
            'The app was told what it says; nothing was changed; it is gone, and its app runs on',
        }),
        error: nullable(problem),
      }),
    ),
  }),
)

export type ConfigDirectoryResource = ValueOf<typeof configDirectorySchema>

export const directoryRoutes = {
  'configDirectory.get': route({
    method: 'GET',
    path: '/config-directory',
    summary: 'The files of the configuration directory, and what became of each',
    scope: 'read',
    answer: json(configDirectorySchema, 'The files, by name'),
  }),
}
