/** An app that depends on the embeddable library, as a user gets it: an archive made for npm. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BuiltPackage } from '../../../packages/supervise/test/built-package.ts'
import { copyFixture, type FixtureApp } from './fixture-app.ts'

const run = promisify(execFile)

/** @param fixture A folder of test/fixtures/apps whose package.json names `supervise.tgz`. */
export async function makeSupervisedApp(fixture: string): Promise<FixtureApp> {
  const app = await copyFixture(fixture, {
    // What the old release does at its end is to be seen.
    'viaduct.json': JSON.stringify({ version: 1, warm: { releases: 0 } }),
  })
  await using built = await BuiltPackage.build()
  const library = join(built.folder, 'node_modules/@viaduct/supervise')
  const archive = join(app.path, 'supervise.tgz')
  await run('tar', ['-czf', archive, '--transform', 's,^\\.,package,', '-C', library, '.'])
  return app
}
