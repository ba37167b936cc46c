/** `viaduct completion bash|zsh|fish`: a script that completes the names of commands. */
import { type Command, Argument } from 'commander'
import { commandGroups } from '../command-table.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

export function defineCompletion(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      [
        '',
        'bash:  viaduct completion bash > ~/.local/share/bash-completion/completions/viaduct',
        'zsh:   viaduct completion zsh > "${fpath[1]}/_viaduct"',
        'fish:  viaduct completion fish > ~/.config/fish/completions/viaduct.fish',
      ].join('\n'),
    )
    .action((shell: Shell) => void process.stdout.write(renderCompletion(shell)))
}

/** @returns The script, with a final newline. */
export function renderCompletion(shell: Shell): string {
  const commands = commandGroups
    .flatMap((group) => group.commands)
    .flatMap(({ name, alias, summary }) => [
      { name, summary },
      ...(alias ? [{ name: alias, summary }] : []),
    ])
    .sort((a, b) => a.name.localeCompare(b.name))
  const names = commands.map(({ name }) => name).join(' ')
  const quote = (text: string): string => text.replaceAll("'", "'\\''")
  if (shell === 'bash') return bashScript(names)
  if (shell === 'zsh') {
    return zshScript(
      commands.map(({ name, summary }) => `'${name}:${quote(summary)}'`).join('\n    '),
    )
  }
  return commands
    .map(({ name, summary }) => {
      return `complete -c viaduct -n __fish_use_subcommand -f -a ${name} -d '${quote(summary)}'\n`
    })
    .join('')
}

function bashScript(names: string): string {
  return `_viaduct() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help" -- "$word"))
  elif [ "\${COMP_WORDS[1]}" = config ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "get set unset import" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _viaduct viaduct
`
}

function zshScript(described: string): string {
  return `#compdef viaduct
_viaduct() {
  local -a commands=(
    ${described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  elif (( CURRENT == 3 )) && [[ \${words[2]} == config ]]; then
    _values command get set unset import
  else
    _files
  fi
}
_viaduct "$@"
`
}
