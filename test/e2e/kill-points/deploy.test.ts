/**
 * `kill -9` of the daemon at every point between two steps of a deploy. Each time the next daemon
 * brings the deploy to its end, no request is lost, and nothing is left over.
 */
import { test } from 'node:test'
import { buildPoints, drainPoint, startPoints, stopPoint, swapPoints, warmPoint } from './points.ts'
import { runPoints } from './run-points.ts'

test('a daemon that is killed at any point of a deploy', async (t) => {
  const points = [
    ...[...buildPoints, ...startPoints, ...swapPoints],
    ...[drainPoint, warmPoint, stopPoint],
  ]
  await runPoints(t, { warmReleases: 1, points, begin: (scene) => scene.upload() })
})
