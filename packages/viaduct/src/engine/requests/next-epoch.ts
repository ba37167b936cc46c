/** An epoch that no instance of the app has: with it every one is started anew. */
import type { AppRunner } from '../app/app-runner.ts'

export function nextEpoch(runner: AppRunner): number {
  const { app, deploy } = runner.records
  const epochs = [...runner.instances.values()].map(({ slot }) => slot.epoch)
  return Math.max(app.epoch, deploy?.after.epoch ?? 0, ...epochs) + 1
}
