/** viaduct(1), made from the commands themselves: what `viaduct --help` says, as one page. */
import { commandGroups } from '../../packages/viaduct/src/cli/command-table.ts'
import { buildProgram } from '../../packages/viaduct/src/cli/program.ts'

type Command = Awaited<ReturnType<typeof buildProgram>>

/** As docs/errors.md says. */
const exitStatus = {
  0: 'What the command says is true.',
  1: 'It failed.',
  2: 'The command, or a file of the app, was wrong.',
  3: 'Not allowed: the token is missing, unknown, or for something else.',
  4: 'Not found.',
  5: 'The server cannot be reached.',
  6: 'It conflicts with what is there.',
}

/** @returns The page in the macros of man(7), with a final newline. */
export async function renderManPage(about: { version: string; date: string }): Promise<string> {
  const groups = await Promise.all(commandGroups.map(renderGroup))
  return [
    `.TH VIADUCT 1 "${about.date}" "viaduct ${about.version}" "User Commands"`,
    '.SH NAME',
    'viaduct \\- deploy apps to your own servers without dropping a request',
    '.SH SYNOPSIS',
    '.B viaduct',
    '.I COMMAND',
    '[\\fIOPTION\\fR]...',
    '.SH DESCRIPTION',
    text('Builds a folder, starts it beside the release that serves, and moves traffic over.'),
    text('An app is a folder with a Procfile, or with scripts.start in its package.json.'),
    '.B viaduct up',
    text('runs the platform; every other command talks to it.'),
    ...groups.flat(),
    '.SH FILES',
    ...entry('/etc/viaduct/settings.json', 'Options of "viaduct up" for the system service.'),
    ...entry('/var/lib/viaduct', 'Apps, releases, logs, certificates, state of the service.'),
    ...entry('/var/lib/viaduct/admin-token', 'The first token; for root only.'),
    ...entry('~/.config/viaduct/login.json', 'Servers that "viaduct login" was told of.'),
    '.SH ENVIRONMENT',
    ...entry('VIADUCT_URL, VIADUCT_TOKEN', 'The server, and the token for it.'),
    ...entry('VIADUCT_DATA', 'The data directory.'),
    '.SH EXIT STATUS',
    ...Object.entries(exitStatus).flatMap(([code, meaning]) => entry(code, meaning)),
    '',
  ].join('\n')
}

async function renderGroup(group: (typeof commandGroups)[number]): Promise<string[]> {
  const commands = await Promise.all(
    group.commands.map(async ({ name }) => {
      const program = await buildProgram([name])
      const command = program.commands.find((one) => one.name() === name)
      return command ? renderCommand(command, `viaduct ${name}`) : []
    }),
  )
  return [`.SH ${text(group.title.toUpperCase().replace(/:$/, ''))}`, ...commands.flat()]
}

/** A command and, below it, those that it has itself: `config set`. */
function renderCommand(command: Command, name: string): string[] {
  const help = command.createHelp()
  const details = [
    ...help.visibleArguments(command).map((one) => ({
      term: help.argumentTerm(one),
      meaning: help.argumentDescription(one),
    })),
    ...help.visibleOptions(command).map((one) => ({
      term: help.optionTerm(one),
      meaning: help.optionDescription(one),
    })),
  ]
  return [
    `.SS ${text(`${name} ${command.usage()}`)}`,
    text(help.commandDescription(command)),
    ...details.flatMap(({ term, meaning }) => entry(term, meaning)),
    ...command.commands.flatMap((one) => renderCommand(one, `${name} ${one.name()}`)),
  ]
}

function entry(term: string, meaning: string): string[] {
  return ['.TP', `.B ${text(term)}`, text(meaning)]
}

/** A line of text: what roff would take for a request, an escape or a hyphen is none. */
function text(line: string): string {
  const flat = line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/\s*\n\s*/g, ' ')
  return /^[.']/.test(flat) ? `\\&${flat}` : flat
}
