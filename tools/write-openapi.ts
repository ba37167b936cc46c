/**
 * Writes `openapi.json`, the golden file of the HTTP API, from the contract. Run it after a change
 * of a route and read the difference: it is what clients will see.
 *
 *   node tools/write-openapi.ts
 */
import { writeFile } from 'node:fs/promises'
import { manifestField } from '../packages/viaduct/src/build/manifest/manifest-fields.ts'
import { renderOpenApi } from '../packages/viaduct/src/contract/openapi.ts'

const path = new URL('../openapi.json', import.meta.url)
await writeFile(
  path,
  `${JSON.stringify(renderOpenApi({ Manifest: manifestField.schema }), null, 2)}\n`,
)
