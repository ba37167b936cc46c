/**
 * Writes what is published of the manifest's declaration: `docs/viaduct.schema.json`, and the table
 * of keys in `docs/manifest.md`. Run it after a change of `build/manifest/`; `test/docs.test.ts`
 * fails when one of them is stale.
 *
 *   node tools/write-manifest-schema.ts
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderManifestSchema } from '../packages/viaduct/src/build/manifest/manifest-schema.ts'
import type { JsonSchema } from '../packages/viaduct/src/contract/schema.ts'

export const manifestSchemaPath = join(import.meta.dirname, '../docs/viaduct.schema.json')
export const manifestDocsPath = join(import.meta.dirname, '../docs/manifest.md')

/** The schema as a text, the same each time. */
export function renderSchemaFile(): string {
  return `${JSON.stringify(renderManifestSchema(), null, 2)}\n`
}

/** The page with its tables of keys as they have to be; the rest of it stays. */
export function renderManifestDocs(page: string): string {
  const { http, ...keys } = renderManifestSchema().properties ?? {}
  const withKeys = fill(page, { name: 'keys', rows: Object.entries(keys).flatMap(rowsOf) })
  const options = Object.entries(http?.properties ?? {}).flatMap(rowsOf)
  return fill(withKeys, { name: 'http', rows: options })
}

function fill(page: string, { name, rows }: { name: string; rows: readonly string[] }): string {
  const [before, after] = page.split(new RegExp(`(?<=<!-- ${name}: .*-->\n)[^]*?(?=<!-- end -->)`))
  if (before === undefined || after === undefined) throw new Error(`There is no place for ${name}`)
  const head = '| key | value | default | meaning |\n| --- | --- | --- | --- |\n'
  return `${before}\n${head}${rows.join('\n')}\n\n${after}`
}

/** A row for the key, and one for each key in it. */
function rowsOf([name, schema]: readonly [string, JsonSchema]): string[] {
  const { description = '', examples = [] } = schema
  const shown = examples.map((example) => code(JSON.stringify(example))).join(', ')
  const cells = [
    code(name),
    valueOf(schema),
    schema.default === undefined ? '' : code(JSON.stringify(schema.default)),
    examples.length === 0 ? description : `${description} Example: ${shown}`,
  ]
  const row = `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [row, ...innerOf(name, schema).flatMap(rowsOf)]
}

function innerOf(name: string, schema: JsonSchema): [string, JsonSchema][] {
  const own = Object.entries(schema.properties ?? {}).map(
    ([key, inner]) => [`${name}.${key}`, inner] as [string, JsonSchema],
  )
  const more = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : null
  return [
    ...own,
    ...(schema.items ? innerOf(`${name}[]`, schema.items) : []),
    ...(more ? innerOf(`${name}.*`, more) : []),
    ...(schema.anyOf ?? [])
      .filter(({ type }) => type === 'object')
      .flatMap((one) => innerOf(name, one)),
  ]
}

/** `0 to 100`, `text`, `list of text` … */
function valueOf(schema: JsonSchema): string {
  const { type, minimum, maximum, items, additionalProperties: more } = schema
  if (schema.anyOf) return [...new Set(schema.anyOf.map(valueOf))].join(', or ')
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ')
  if (type === 'integer') return minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'string') return 'text'
  if (type === 'array') return `list of ${items ? valueOf(items) : 'anything'}`
  if (typeof more === 'object') return `by name: ${valueOf(more)}`
  return type ?? 'anything'
}

function code(text: string): string {
  return `\`${text}\``
}

if (import.meta.main) {
  await writeFile(manifestSchemaPath, renderSchemaFile())
  await writeFile(manifestDocsPath, renderManifestDocs(await readFile(manifestDocsPath, 'utf8')))
}
