/** `viaduct scale web=3 worker=1`. */
import type { Command } from 'commander'
import { addAppOptions, type SessionOptions } from '../session.ts'
import { changeApp } from './change-app.ts'
import { parseCounts } from './parse-counts.ts'

export function defineScale(command: Command): void {
  addAppOptions(
    command.argument('<type=count...>', 'wanted processes per type, e.g. web=3 worker=1'),
  ).action((words: string[], options: SessionOptions) => {
    const counts = parseCounts(words)
    return changeApp(options, {
      done: `scaled to ${words.join(' ')}`,
      change: ({ client }, app) => client.formation.scale(app, counts),
    })
  })
}
