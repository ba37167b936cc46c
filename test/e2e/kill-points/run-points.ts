/** Kills the daemon at each of some points, and sees that all is well each time. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Point } from './points.ts'
import { Scene } from './scene.ts'

/** Asks for a deploy. @returns its id, and what the app answers once it has succeeded. */
export type Begin = (scene: Scene) => Promise<{ accepted: Promise<string>; answer: string }>

async function killAt(scene: Scene, point: Point, begin: Begin): Promise<void> {
  const before = await scene.answer()
  const afterwards = await point.prepare?.(scene)
  const { accepted, answer } = await begin(scene)
  try {
    await point.arrive(scene)
    await scene.killDaemon()
  } finally {
    // Also after a failure: what is held here must not fail the points after it.
    scene.relay.release()
    await scene.app.release()
  }
  if (point.unrecorded) await assert.rejects(accepted)
  else assert.equal(await scene.endOf(await accepted), 'succeeded')
  await afterwards?.()
  await scene.assertAtRest()
  assert.equal(await scene.answer(), point.unrecorded ? before : answer)
  await scene.renewKeeper()
}

export async function runPoints(
  t: TestContext,
  options: { warmReleases: number; points: readonly Point[]; begin: Begin },
): Promise<void> {
  const { warmReleases, points, begin } = options
  await using scene = await Scene.open({ warmReleases })
  for (const point of points) await t.test(point.name, () => killAt(scene, point, begin))
  const { accepted, answer } = await scene.upload()
  assert.equal(await scene.endOf(await accepted), 'succeeded', 'The next deploy works')
  assert.equal(await scene.answer(), answer)
  const lost = (await scene.load.stop()).failures.filter(({ excused }) => !excused)
  assert.deepEqual(lost, [])
}
