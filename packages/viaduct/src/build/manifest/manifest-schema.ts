/** The manifest's JSON Schema as it is published: for editors, and for programs that make one. */
import type { JsonSchema } from '../../contract/schema.ts'
import { manifestField } from './manifest-fields.ts'

/** Draft 7, which every editor knows. `docs/viaduct.schema.json` is this. */
export function renderManifestSchema(): JsonSchema & { readonly $schema: string } {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'viaduct.json',
    description: 'How Viaduct deploys this app. Every key may be left out.',
    ...manifestField.schema,
  }
}
