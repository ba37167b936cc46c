/** `viaduct env HOST DIR KEY=VALUE`: trajan's way to set a variable, "used on next dyno spawn". */
import { AppError } from '../../model/app-error.ts'
import { nameOfDirectory, readAppName } from '../server/app-name.ts'
import { openSession, type SessionOptions } from '../session.ts'
import { parsePairs } from './parse-pairs.ts'

/** @throws {AppError} `bad-usage` when there is no pair or the folder has no name. */
export async function stageForSeed(
  words: readonly string[],
  options: SessionOptions,
): Promise<void> {
  const [host = '', directory = '', ...pairs] = words
  if (pairs.length === 0) {
    throw new AppError('bad-usage', 'There is no KEY=VALUE', {
      hint: `Write "viaduct env ${host} ${directory} KEY=VALUE".`,
    })
  }
  const changes = parsePairs(pairs)
  const app = options.app ?? (await readAppName(directory)) ?? nameOfDirectory(directory)
  if (app === null) throw new AppError('bad-usage', `${directory} has no package.json with a name`)
  const session = await openSession({ to: host, ...options })
  await session.client.config.set(app, changes, { stage: true })
  const { terminal } = session
  terminal.printJson({ app, staged: Object.keys(changes) })
  terminal.print(
    `${Object.keys(changes).join(', ')}: used from the next deploy or restart of ${app} on`,
  )
}
