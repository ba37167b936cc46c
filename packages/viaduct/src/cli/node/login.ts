/** `viaduct login [SERVER] [TOKEN]`: checks a token and saves it; the seed called it `auth`. */
import { isCancel, password } from '@clack/prompts'
import type { Command } from 'commander'
import { createClient } from '../../contract/client.ts'
import { AppError } from '../../model/app-error.ts'
import { openTerminal, type Terminal } from '../output/terminal.ts'
import { assertSafeTransport } from '../server/find-server.ts'
import { loginPath, saveLogin } from '../server/login-file.ts'
import { parseAddress } from '../server/parse-address.ts'
import { addServerOptions, type SessionOptions } from '../session.ts'

/** A server that is there answers long before. */
const checkTimeoutMs = 5_000
const whereItIs = 'The token of a new server is in the file admin-token of its data directory.'

export function defineLogin(command: Command): void {
  addServerOptions(
    command
      .argument('[server]', 'e.g. https://deploy.example.com, or 127.0.0.1 for port 8700')
      .argument('[token]', 'token (default: VIADUCT_TOKEN, a line on stdin, or a question)'),
  )
    .addHelpText(
      'after',
      `\n${whereItIs}\nLeave the token out to be asked: what is typed there nobody sees later.`,
    )
    .action(runLogin)
}

async function runLogin(
  server: string | undefined,
  token: string | undefined,
  options: SessionOptions,
): Promise<void> {
  const terminal = openTerminal(options)
  if (token !== undefined) hideArguments(terminal)
  const asked = server ?? options.to ?? process.env['VIADUCT_URL']
  if (!asked) {
    throw new AppError('bad-usage', 'Which server?', {
      hint: 'Write "viaduct login https://deploy.example.com", or 127.0.0.1 for this machine.',
    })
  }
  const url = parseAddress(asked)
  const insecure = options.insecure === true
  assertSafeTransport(url, insecure)
  const secret = (token ?? process.env['VIADUCT_TOKEN'] ?? (await askToken(terminal, url))).trim()
  if (secret === '') throw new AppError('bad-usage', 'The token is empty', { hint: whereItIs })
  const checked = await isAccepted(url, secret)
  await saveLogin(url, { token: secret, insecure })
  terminal.printJson({ url, checked, file: loginPath() })
  terminal.print(`Logged in to ${url}; saved in ${loginPath()}`)
  if (!checked) terminal.note(`Nothing answers at ${url} now, so the token is not checked yet.`)
}

/** The seed's form has the token as a word: from now on at least `ps` does not show it. */
function hideArguments(terminal: Terminal): void {
  process.title = 'viaduct login'
  if (terminal.json) return
  terminal.note(
    'Note:  the history of your shell keeps that token; without it "viaduct login" asks for one.',
  )
}

/**
 * @returns False when the server does not answer: the seed's `auth` saved without asking it.
 * @throws {AppError} `unauthorized`: then nothing is saved.
 */
async function isAccepted(url: string, token: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(checkTimeoutMs)
    await createClient({ url, token }).version({ signal })
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'no-server') return false
    if (error instanceof Error && error.name === 'TimeoutError') return false
    if (!(error instanceof AppError) || error.code !== 'unauthorized') throw error
    throw new AppError('unauthorized', `${url} does not know this token; nothing was saved`, {
      hint: whereItIs,
    })
  }
}

async function askToken(terminal: Terminal, url: string): Promise<string> {
  if (!process.stdin.isTTY) return readFirstLine()
  if (!terminal.interactive)
    throw new AppError('bad-usage', 'There is no token', { hint: whereItIs })
  const answer = await password({ message: `Token for ${url}` })
  if (isCancel(answer)) throw new AppError('cancelled', 'Not logged in')
  return answer
}

async function readFirstLine(): Promise<string> {
  let input = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    input += String(chunk)
    if (input.includes('\n')) break
  }
  return input.split('\n')[0] ?? ''
}
