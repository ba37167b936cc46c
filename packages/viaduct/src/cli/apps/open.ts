/** `viaduct open`: the app's URL, in the browser when a person is there, always in print. */
import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

export function defineOpen(command: Command): void {
  addAppOptions(command).action(runOpen)
}

async function runOpen(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const name = await chooseApp(session, options)
  const { urls } = await session.client.apps.get(name)
  const [url] = urls
  if (url === undefined) {
    throw new AppError('no-release', `${name} has no address yet`)
  }
  session.terminal.printJson({ app: name, urls })
  session.terminal.print(url)
  if (session.terminal.interactive) openBrowser(url)
}

/** Best effort: on a server there is no browser, and the URL is printed. */
function openBrowser(url: string): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const hasScreen = process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']
  if (program === 'xdg-open' && !hasScreen) return
  const child = spawn(program, [url], { detached: true, stdio: 'ignore' })
  child.on('error', () => undefined) // No such program: the URL is printed.
  child.unref()
}
