import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandGroups } from './command-table.ts'
import { buildProgram } from './program.ts'

const golden = join(import.meta.dirname, 'help.golden.txt')
const names = commandGroups.flatMap((group) => group.commands.map(({ name }) => name))

async function renderAllHelp(): Promise<string> {
  const parts = [`$ viaduct --help\n${(await buildProgram([])).helpInformation()}`]
  for (const name of names) {
    const program = await buildProgram([name])
    const command = program.commands.find((each) => each.name() === name)
    assert.ok(command)
    parts.push(`$ viaduct ${name} --help\n${command.helpInformation()}`)
    for (const child of command.commands) {
      parts.push(`$ viaduct ${name} ${child.name()} --help\n${child.helpInformation()}`)
    }
  }
  return parts.join('\n')
}

test('the help of every command is as agreed (UPDATE_GOLDEN=1 writes it)', async () => {
  const text = await renderAllHelp()
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(golden, text)
  assert.equal(text, await readFile(golden, 'utf8'))
})

test('every command of the issue is there, by name or alias', () => {
  const wanted =
    'up deploy apps ps dynos releases rollback scale restart stop start destroy config env logs ' +
    'stats top certs login auth open doctor completion version routes domains ports http ' +
    'maintenance redeploy check build'
  const there = commandGroups.flatMap((group) =>
    group.commands.flatMap(({ name, alias }) => (alias ? [name, alias] : [name])),
  )
  assert.deepEqual(wanted.split(' ').sort(), there.sort())
})

test('no line of the help is wider than a terminal of 100 columns', async () => {
  for (const line of (await renderAllHelp()).split('\n')) assert.ok(line.length <= 100, line)
})
