/**
 * Writes docs/errors.md from the error catalogue; `test/docs.test.ts` fails when the page is stale.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCatalogue } from '../packages/viaduct/src/model/error-catalogue.ts'

export const errorDocsPath = join(import.meta.dirname, '../docs/errors.md')

/** The page as it has to be. */
export function renderErrorDocs(): string {
  const rows = Object.entries(errorCatalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { status, exitCode, hint }]) => {
      return `| \`${code}\` | ${status} | ${exitCode} | ${hint.replaceAll('|', '\\|')} |`
    })
  return `# Errors

Every failure that a user can see has one of these codes. The API answers with the HTTP status
and \`application/problem+json\`: \`code\`, \`detail\`, \`hint\`, \`data\`, \`requestId\`. The
command line prints what happened and the hint, and ends with the exit code: 1 it failed, 2 the
command was wrong, 3 not allowed, 4 not found, 5 the server cannot be reached, 6 it conflicts with
what is there.

Where the hint is empty, the place that failed gives one of its own.

Made by \`node tools/write-error-docs.ts\` from \`packages/viaduct/src/model/error-catalogue.ts\`.

| code | HTTP status | exit code | hint |
| --- | ---: | ---: | --- |
${rows.join('\n')}
`
}

if (import.meta.main) await writeFile(errorDocsPath, renderErrorDocs())
