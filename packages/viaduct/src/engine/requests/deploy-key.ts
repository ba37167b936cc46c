/** The key that an app reads its repository with, made when it is needed first. */
import { join } from 'node:path'
import { prepareDirectories } from '../../build/prepare-directories.ts'
import { ensureDeployKey } from '../../sources/git/deploy-key.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownerOf } from '../app/make-setup.ts'

/** @returns As a line of `authorized_keys`. Makes the pair when there is none. */
export function deployKey(runner: AppRunner): Promise<string> {
  const { records, parts } = runner
  const owner = ownerOf(records.app)
  const layout = parts.layout.app(records.name)
  return runner.ask(async () => {
    await prepareDirectories(layout, owner)
    return await ensureDeployKey(deployKeyPath(runner), {
      comment: `viaduct-${records.name}`,
      owner,
    })
  })
}

/** Where the private half is. */
export function deployKeyPath({ records, parts }: AppRunner): string {
  return join(parts.layout.app(records.name).keys, 'deploy')
}
