/**
 * The command line as a commander program: only the command that was asked for is loaded, the
 * others are names for the help. Errors of commander become errors of the catalogue here.
 */
import { Command, CommanderError } from 'commander'
import { AppError } from '../model/app-error.ts'
import { type CommandEntry, commandGroups } from './command-table.ts'
import { splitColonForm } from './colon-forms.ts'

/** @throws {AppError} What the command throws, or `bad-usage`. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const words = splitColonForm(argv)
  const program = await buildProgram(words)
  if (words.length === 0) return program.outputHelp()
  if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) words[0] = 'version'
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw usageError(error, words)
  }
}

/** The program with every command by name and summary, and the one in `words` completely. */
export async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = new Command('viaduct')
    .description('Deploys apps to your own servers without dropping a request.')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ helpWidth: 100, subcommandTerm: (command) => termOf(command) })
    .helpOption('-h, --help', 'show help')
    .addHelpCommand(
      new Command('help [command]')
        .description('show the help of a command')
        .helpGroup(commandGroups.at(-1)?.title ?? ''),
    )
    .addHelpText('after', '\n"viaduct COMMAND --help" shows the options of a command.')
  const asked = wordOfCommand(words)
  for (const group of commandGroups) {
    for (const entry of group.commands) {
      const command = program.command(entry.name).summary(entry.summary).helpGroup(group.title)
      if (entry.alias) command.alias(entry.alias)
      command.description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`)
      if (asked !== undefined && isNamed(entry, asked)) (await entry.load())(command)
      else command.allowUnknownOption().allowExcessArguments()
    }
  }
  return program
}

/** The command that a line of words asks for; `help NAME` asks for NAME. */
function wordOfCommand(words: readonly string[]): string | undefined {
  const names = words.filter((word) => !word.startsWith('-'))
  return names[0] === 'help' ? names[1] : names[0]
}

function isNamed(entry: CommandEntry, word: string): boolean {
  return entry.name === word || entry.alias === word
}

function termOf(command: Command): string {
  const alias = command.alias()
  return alias ? `${command.name()}, ${alias}` : command.name()
}

/** `error: unknown command 'x'\n(Did you mean y?)` in the words of our own errors. */
function usageError(error: CommanderError, words: readonly string[]): AppError {
  const [first = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const message = first.replace(/'([^']*)'/g, '"$1"').replace(/\.$/, '')
  const name = wordOfCommand(words)
  const known = commandGroups.some((group) =>
    group.commands.some((entry) => name !== undefined && isNamed(entry, name)),
  )
  const help = known ? `viaduct ${name} --help` : 'viaduct --help'
  const see = `"${help}" shows how.`
  const meant = suggestion ? /Did you mean (.*)\?/.exec(suggestion)?.[1] : undefined
  return new AppError('bad-usage', message.charAt(0).toUpperCase() + message.slice(1), {
    hint: meant ? `Did you mean "${meant}"? ${see}` : see,
  })
}
