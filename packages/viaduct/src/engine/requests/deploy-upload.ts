/** Deploys code that was uploaded: the build makes the release. */
import type { Upload } from '../../model/upload.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { queueBuild } from '../builds/build-release.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy } from './begin-deploy.ts'

/** A stopped app runs again once the deploy has succeeded: who deploys wants to see it. */
export async function deployUpload(
  runner: AppRunner,
  upload: Upload,
  commit: string | null,
): Promise<StoredDeploy> {
  const deploy = await beginDeploy(runner, {
    kind: 'deploy',
    message: `Deploy ${runner.records.name}${commit ? ` at ${commit.slice(0, 12)}` : ''}`,
    release: null,
    after: { wanted: 'running' },
    upload,
    commit,
  })
  const { bytes, sha256 } = upload
  const message = `Received ${bytes} bytes`
  runner.journal.append(deploy.id, 'upload.received', { message, data: { bytes, sha256 } })
  queueBuild(runner, deploy, upload)
  return deploy
}
