/** `viaduct stop`. What happens is one deploy, followed to its end. */
import type { Command } from 'commander'
import { addAppOptions, type SessionOptions } from '../session.ts'
import { changeApp } from './change-app.ts'

export function defineStop(command: Command): void {
  addAppOptions(command).action((options: SessionOptions) =>
    changeApp(options, {
      done: 'stopped',
      change: ({ client }, app) => client.apps.stop(app),
    }),
  )
}
