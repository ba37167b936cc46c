/** `viaduct restart`. What happens is one deploy, followed to its end. */
import type { Command } from 'commander'
import { addAppOptions, type SessionOptions } from '../session.ts'
import { changeApp } from './change-app.ts'

export function defineRestart(command: Command): void {
  addAppOptions(command).action((options: SessionOptions) =>
    changeApp(options, {
      done: ' new ones start, traffic moves, old ones leave.:restarted',
      change: ({ client }, app) => client.apps.restart(app),
    }),
  )
}
