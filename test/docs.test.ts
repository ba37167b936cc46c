/**
 * The documents say what is true: their links lead somewhere, the commands and scripts that they
 * show exist, and the page of errors is the catalogue. Each check sees a planted fault first.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { commandGroups } from '../packages/viaduct/src/cli/command-table.ts'
import { errorDocsPath, renderErrorDocs } from '../tools/write-error-docs.ts'
import {
  manifestDocsPath,
  manifestSchemaPath,
  renderManifestDocs,
  renderSchemaFile,
} from '../tools/write-manifest-schema.ts'
import {
  newestRun,
  performanceDocsPath,
  renderPerformanceDocs,
} from '../tools/write-performance-docs.ts'
import { type SourceFile, readSources, repositoryRoot } from './tidy/check.ts'

const pages = await readSources(['*.md', 'docs/**/*.md', 'examples/*/*.md', 'bench/*.md'])
const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

test('links in the documents lead to files and headings that are there', async () => {
  const planted = { path: 'a.md', text: '[a](nowhere.md) [b](README.md#no-such-heading)' }
  assert.equal((await findDeadLinks(planted)).length, 2)
  const dead = await Promise.all(pages.map(findDeadLinks))
  assert.deepEqual(dead.flat(), [])
})

test('commands in the documents exist', () => {
  const lines = ['viaduct fly', 'npx viaduct fly', 'npm run fly', '$ npm run fly && viaduct apps']
  for (const line of lines) {
    const planted = { path: 'a.md', text: ['```sh', line, '```'].join('\n') }
    assert.equal(findUnknownCommands(planted).length, 1, line)
  }
  assert.deepEqual(pages.flatMap(findUnknownCommands), [])
})

test('scripts of package.json name files that are there', () => {
  for (const [name, script] of Object.entries(scripts)) {
    for (const [file] of script.matchAll(/\b(?:tools|bench|packages)\/[\w./-]+/g)) {
      assert.ok(existsSync(join(repositoryRoot, file)), `${name}: ${file} is not there`)
    }
  }
})

test('docs/errors.md is the error catalogue; "node tools/write-error-docs.ts" writes it', async () => {
  assert.equal(await readFile(errorDocsPath, 'utf8'), renderErrorDocs())
})

test('the schema and the page of the manifest are its declaration; "node tools/write-manifest-schema.ts" writes both', async () => {
  assert.equal(await readFile(manifestSchemaPath, 'utf8'), renderSchemaFile())
  const page = await readFile(manifestDocsPath, 'utf8')
  assert.equal(page, renderManifestDocs(page))
})

test('docs/performance.md is the newest run; "npm run proof -- data-plane" writes it', async () => {
  const page = renderPerformanceDocs(await newestRun())
  assert.equal(await readFile(performanceDocsPath, 'utf8'), page)
})

async function findDeadLinks({ path, text }: SourceFile): Promise<string[]> {
  const dead: string[] = []
  for (const [, link = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue
    const [file = '', heading] = link.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), file))
    const there = join(repositoryRoot, target)
    if (!existsSync(there)) dead.push(`${path}: ${link}`)
    else if (heading && !headingsOf(await readFile(there, 'utf8')).includes(heading)) {
      dead.push(`${path}: ${link} (no such heading)`)
    }
  }
  return dead
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, '')
}

/** As GitHub makes anchors of headings; docs name terms by `<a id>` too. */
function headingsOf(text: string): string[] {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
  const anchors = [...text.matchAll(/<a id="([^"]+)"/g)].map(([, id = '']) => id)
  return [...headings, ...anchors]
}

function findUnknownCommands({ path, text }: SourceFile): string[] {
  const commands = commandGroups.flatMap((group) => group.commands)
  const names = new Set(commands.flatMap(({ name, alias }) => [name, alias ?? name]))
  const unknown: string[] = []
  for (const [, block = ''] of text.matchAll(/```(?:sh|console|bash)\n([\s\S]*?)```/g)) {
    for (const part of block.split(/\n|&&|\|\||;|\|/)) {
      const words = part.trim().replace(/^\$ /, '').split(/\s+/)
      const [tool, first = '', second = ''] = words[0] === 'npx' ? words.slice(1) : words
      if (tool === 'viaduct' && /^[a-z]/.test(first) && !names.has(first)) {
        unknown.push(`${path}: viaduct ${first}`)
      }
      if (tool === 'npm' && first === 'run' && !Object.hasOwn(scripts, second)) {
        unknown.push(`${path}: npm run ${second}`)
      }
    }
  }
  return unknown
}
