/** Users of basic auth: the password is asked for here, and only its hash goes to the server. */
import { randomBytes, scrypt } from 'node:crypto'
import type { HttpResource } from '../../contract/resources.ts'
import { AppError } from '../../model/app-error.ts'
import type { BasicUser, HttpOptions } from '../../model/routing/http-options.ts'

type Options = Readonly<Record<string, unknown>>

const saltBytes = 16
const keyBytes = 32

/** @throws {AppError} `bad-usage` without a password. @returns From what is set to the change. */
export async function addUser(name: string): Promise<(now: HttpResource) => Options> {
  const passwordHash = await hashPassword(await askPassword(name))
  return ({ http }) => {
    const { users, ...rest } = basicAuthOf(http)
    const others = users.filter((user) => user.name !== name)
    return { basicAuth: { ...rest, users: [...others, { name, passwordHash }] } }
  }
}

/** @throws {AppError} `not-found` */
export function removeUser(name: string, { http }: HttpResource): Options {
  const { users, ...rest } = basicAuthOf(http)
  const others = users.filter((user) => user.name !== name)
  if (others.length === users.length) {
    throw new AppError('not-found', `There is no user ${JSON.stringify(name)}`, {
      hint: `Users: ${users.map((user) => user.name).join(', ') || 'none'}.`,
    })
  }
  return { basicAuth: others.length === 0 ? null : { ...rest, users: others } }
}

function basicAuthOf(http: Options): { realm?: string; users: readonly BasicUser[] } {
  return (http as HttpOptions).basicAuth ?? { users: [] }
}

/** As `BasicUser.passwordHash`. */
async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const key = await new Promise<Buffer>((resolve, reject) => {
    scrypt(password, salt, keyBytes, (error, made) => (error ? reject(error) : resolve(made)))
  })
  return `scrypt:${salt.toString('base64url')}:${key.toString('base64url')}`
}

async function askPassword(name: string): Promise<string> {
  const password = process.stdin.isTTY ? await question(name) : await firstLine()
  if (password !== '') return password
  throw new AppError('bad-usage', 'There is no password', {
    hint: 'Give it as a line on stdin, or type it when asked.',
  })
}

async function question(name: string): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts')
  const answer = await password({ message: `Password of ${name}` })
  if (isCancel(answer)) throw new AppError('cancelled', 'Nothing was changed')
  return answer
}

async function firstLine(): Promise<string> {
  let input = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    input += String(chunk)
    if (input.includes('\n')) break
  }
  return (input.split('\n')[0] ?? '').replace(/\r$/, '')
}
