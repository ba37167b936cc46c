/** Whether a folder can be an app at all, before anything is sent. The build looks closer. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { builders } from '../../build/builders/all-builders.ts'
import { AppError } from '../../model/app-error.ts'

const signs = [...builders.flatMap((builder) => builder.signs), 'viaduct.json']

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** True for a folder that has a file by which a builder knows its kind. */
export function hasApp(directory: string): boolean {
  return signs.some((name) => existsSync(join(directory, name)))
}

/** @param directory Absolute path. @throws {AppError} `bad-usage`, `no-web-process` */
export function assertDeployable(directory: string): void {
  if (!existsSync(directory)) {
    throw new AppError('bad-usage', `There is no folder ${directory}`, {
      hint: 'Give the folder of the app: viaduct deploy DIR.',
    })
  }
  if (!isDirectory(directory)) {
    throw new AppError('bad-usage', `${directory} is a file, not the folder of an app`, {
      hint: 'Give the folder that has Procfile, package.json or the like.',
    })
  }
  if (hasApp(directory)) return
  throw new AppError('no-web-process', `${directory} has none of ${signs.join(', ')}`, {
    hint: 'Say how to start the app: a file Procfile with the line "web: COMMAND".',
  })
}
