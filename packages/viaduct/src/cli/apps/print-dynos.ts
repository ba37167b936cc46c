/**
 * `viaduct dynos`: what trajan's own route answers, printed as it is, for scripts that were written
 * for trajan. It has no app: trajan had only one.
 */
import { AppError, messageOf } from '../../model/app-error.ts'
import { decodeProblem } from '../../contract/problem.ts'
import { clientCallTimeoutMs } from '../../model/limits.ts'
import { defaultDataDirs } from '../server/data-directories.ts'
import { findServer } from '../server/find-server.ts'
import type { SessionOptions } from '../session.ts'

/** @throws {AppError} `no-server`, `unauthorized` */
export async function printDynos(options: SessionOptions): Promise<void> {
  const { url, token } = await findServer({ ...options, dataDirs: defaultDataDirs() })
  const response = await fetch(`${url}/api/dynos`, {
    headers: { 'x-auth-token': token },
    signal: AbortSignal.timeout(clientCallTimeoutMs),
  }).catch((error: unknown) => {
    throw new AppError('no-server', `No answer from ${url}: ${messageOf(error)}`)
  })
  const body = await response.text()
  // The seed's route says 403 to a wrong token; the rest of this API, and its exit code, say 401.
  if (response.status === 403) throw new AppError('unauthorized', `${url} does not know this token`)
  if (!response.ok) throw decodeProblem(response.status, body)
  process.stdout.write(`${body}\n`)
}
