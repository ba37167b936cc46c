/**
 * Writes packages/supervise/API.md from the docstrings of its public exports, so that the page says
 * what the code does: `node tools/write-supervise-docs.ts`. A test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const packageFolder = join(import.meta.dirname, '../packages/supervise')
export const apiDocsPath = join(packageFolder, 'API.md')

/** Name of an exported class or interface, and its file. */
const documented: readonly (readonly [name: string, file: string])[] = [
  ['MasterOptions', 'master/master-options.ts'],
  ['HealthProbe', 'master/master-options.ts'],
  ['RestartPolicy', 'lifecycle/restart-policy.ts'],
  ['Master', 'master/master.ts'],
  ['WorkerInfo', 'master/master-events.ts'],
  ['OperationOptions', 'master/master-events.ts'],
  ['MasterEvents', 'master/master-events.ts'],
  ['StopOutcome', 'worker/worker.ts'],
  ['MessageBus', 'bus/message-bus.ts'],
  ['MessageBusOptions', 'bus/message-bus.ts'],
  ['MessageBusEvents', 'bus/message-bus.ts'],
  ['GracefulServer', 'graceful/graceful-server.ts'],
  ['GracefulCloseOptions', 'graceful/graceful-server.ts'],
]

const errorsFile = 'errors/supervise-error.ts'

interface Member {
  readonly signature: string
  readonly doc: string
}

/** @throws {Error} A name has no members: then the page would lie by leaving it out. */
export function renderApiDocs(): string {
  const sections = documented.map(([name, file]) => renderSection(name, read(file)))
  const head = [
    '# API',
    '',
    'Written by `tools/write-supervise-docs.ts` from the docstrings of the code.',
    'The [README](README.md) shows how it is used.',
    '',
  ]
  return [...head, ...sections, renderErrors(read(errorsFile))].join('\n')
}

function renderSection(name: string, source: string): string {
  const comment = '(?:\\/\\*\\*((?:(?!\\*\\/)[\\s\\S])*)\\*\\/\\n)?'
  const pattern = new RegExp(
    `${comment}export (?:class|interface) ${name}\\b.*\\{\\n([\\s\\S]*?)\\n\\}\\n`,
  )
  const [, doc = '', body = ''] = pattern.exec(source) ?? []
  const members = [...membersOf(body)]
  if (members.length === 0) throw new Error(`${name} has no members`)
  const lines = members.map(({ signature, doc }) => `- \`${signature}\`${doc && ` – ${doc}`}`)
  return [`## ${name}`, '', ...(doc ? [textOf(doc), ''] : []), ...lines, ''].join('\n')
}

function* membersOf(body: string): Generator<Member> {
  const member =
    /(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}((?!#|override|[/*})\] ])[^\n]+)/gm
  for (const [, doc = '', first = ''] of body.matchAll(member)) {
    const rest = body.slice(body.indexOf(first))
    const whole = first.endsWith('(') ? (/^[\s\S]*?\n {2}\)[^\n]*/.exec(rest)?.[0] ?? first) : first
    const signature = whole.replaceAll(/\s+/g, ' ').replace(/ \{$/, '').replace('( ', '(')
    if (/^(static readonly|readonly #|async #|constructor\(config)/.test(signature)) continue
    yield { signature: signature.replace(', )', ')').replace(/^async /, ''), doc: textOf(doc) }
  }
}

function renderErrors(source: string): string {
  const pattern =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport class (\w+)[^{]*\{\n[^\n]*code(?:: string)? = '(\w+)'/g
  const lines = [...source.matchAll(pattern)].map(([, doc = '', name, code]) => {
    return `- \`${name}\`, code \`${code}\` – ${textOf(doc)}`
  })
  if (lines.length === 0) throw new Error('No error has a docstring')
  return ['## Errors', '', ...lines, ''].join('\n')
}

/** Tags become sentences. */
function textOf(doc: string): string {
  return doc
    .replaceAll(/^\s*\* ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/@returns /g, 'Returns: ')
    .replaceAll(/@throws \{(\w+)\} ?/g, 'Throws `$1`: ')
    .replaceAll('@throws ', 'Throws ')
    .replaceAll(/@param ([\w.]+)/g, '`$1`:')
    .trim()
}

function read(file: string): string {
  return readFileSync(join(packageFolder, 'src', file), 'utf8')
}

if (import.meta.main) writeFileSync(apiDocsPath, renderApiDocs())
