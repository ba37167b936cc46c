/** `viaduct redeploy`: the app's code once more, beside what serves. */
import type { Command } from 'commander'
import { addAppOptions, type SessionOptions } from '../session.ts'
import { changeApp } from '../apps/change-app.ts'

export function defineRedeploy(command: Command): void {
  addAppOptions(command).action((options: SessionOptions) =>
    changeApp(options, {
      done: 'is deployed again',
      change: ({ client }, app) => client.apps.redeploy(app),
    }),
  )
}
