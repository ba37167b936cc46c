/** Looks, beside the mailbox, whether ports are open that no release needs any more. */
import { messageOf } from '../../model/app-error.ts'
import type { AppRunner } from '../app/app-runner.ts'

/** Begins it. When it fails, the next comparison with the keeper does it. */
export function settlePorts(runner: AppRunner): void {
  const { claims, log } = runner.parts
  runner.background('ports', async () => {
    try {
      await claims.settlePorts()
    } catch (error) {
      log.warn('ports.not-settled', { error: messageOf(error) })
    }
  })
}
