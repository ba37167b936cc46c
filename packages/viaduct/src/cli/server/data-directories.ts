/** Where a `viaduct up` of this user or of the machine keeps its data when nobody said where. */
import { describeMachine } from '../../settings/describe-machine.ts'

/** @returns Absolute paths, the likeliest first. */
export function defaultDataDirs(): string[] {
  const chosen = process.env['VIADUCT_DATA']
  return [...(chosen ? [chosen] : []), describeMachine().dataDir, '/var/lib/viaduct']
}
