/** `viaduct start`. What happens is one deploy, followed to its end. */
import type { Command } from 'commander'
import { addAppOptions, type SessionOptions } from '../session.ts'
import { changeApp } from './change-app.ts'

export function defineStart(command: Command): void {
  addAppOptions(command).action((options: SessionOptions) =>
    changeApp(options, {
      done: 'started',
      change: ({ client }, app) => client.apps.start(app),
    }),
  )
}
