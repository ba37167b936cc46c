/** The app `good` in a git repository of its own, on a git server that the test has started. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import {
  openGitHost,
  type Repository,
} from '../../../packages/viaduct/src/sources/git/fixtures/git-host.ts'

export interface GitApp extends AsyncDisposable, Repository {}

export async function openGitApp(
  files: Readonly<Record<string, string>> = {},
  name = 'rubynas',
): Promise<GitApp> {
  const host = await openGitHost()
  const repository = await host.create(name)
  const good = join(import.meta.dirname, '../../fixtures/apps/good')
  await cp(good, repository.work, { recursive: true })
  await repository.commit({ 'version.txt': '1', ...files })
  return { ...repository, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() }
}
