/**
 * How a Procfile line is run: `sh -c LINE`, with `exec` before it where that changes nothing
 * but the process tree. dash keeps a shell above even a single command; that shell would die of
 * SIGTERM at once, and its 143 would hide the exit code of an app that ends in its own time.
 */

/** Words that only the shell itself understands. */
const shellWords = new Set(
  `. : [ alias bg break case cd command continue eval exec exit export fg for getopts hash if jobs
  kill local pwd read readonly return set shift test times trap type ulimit umask unalias unset
  until wait while`.split(/\s+/),
)

/** One plain command: its name is literal, and nothing in the line could start a second one. */
const singleCommand = /^[ \t]*([A-Za-z0-9_./-]+)(?:[ \t][^;&<>|()`\n]*)?$/

/** Program and arguments for a line of the user's own shell. */
export function shellArguments(line: string): string[] {
  const name = singleCommand.exec(line)?.[1]
  const direct = name !== undefined && !shellWords.has(name)
  return ['/bin/sh', '-c', direct ? `exec ${line}` : line]
}
