/**
 * The `PORT` that users set: the port at which the app is reached by the world. What its processes
 * get as PORT is the platform's to say.
 */
import { AppError } from '../../model/app-error.ts'
import type { DotenvLine, PublicPort } from '../../model/environment.ts'
import {
  type EnvironmentInput,
  type Layer,
  platformNames,
  userLayers,
} from '../compose-environment.ts'

/** `PORT=${PORT:-3000}` asks for nothing: it is what the platform says. */
const ownWord = '$PORT'

/**
 * @returns null when nobody sets it, or nobody says a number: it is empty, or made of `$PORT`.
 * @throws {AppError} `bad-port`; `bad-dotenv`
 */
export function publicPortOf(
  wanted: Pick<EnvironmentInput, 'manifestEnv' | 'dotenv' | 'groups' | 'config'>,
): PublicPort | null {
  const unknown = Object.fromEntries(platformNames.map((name) => [name, '']))
  const layers = userLayers(wanted, { above: { ...unknown, PORT: ownWord }, below: {} })
  const layer = layers.findLast(({ variables }) => Object.hasOwn(variables, 'PORT'))
  const text = layer?.variables['PORT'] ?? ''
  if (layer === undefined || text === '' || text.includes(ownWord)) return null
  const from = placeOf(layer, wanted.dotenv)
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > 65_535) {
    const shown = JSON.stringify(text.slice(0, 80))
    throw new AppError('bad-port', `PORT is ${shown}, said by ${from}`, {
      data: { field: 'PORT', from },
    })
  }
  return { number, from }
}

function placeOf({ name, from }: Layer, lines: readonly DotenvLine[]): string {
  if (name === 'dotenv') return `.env:${lines.findLast(({ key }) => key === 'PORT')?.line}`
  if (name === 'group') return `config group ${from}`
  return name === 'manifest' ? '"env" of the manifest' : 'the config'
}
