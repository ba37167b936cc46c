/** As `deploy.test.ts`, for rollbacks: warm ones are a swap, cold ones start first. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainPoint, startPoints, stopPoint, swapPoints, warmPoint } from './points.ts'
import { type Begin, runPoints } from './run-points.ts'

const rollback: Begin = async (scene) => {
  const { current, previous } = await scene.platform.client.apps.get('good')
  const accepted = scene.platform.client.deploys.rollback('good').then(({ id }) => id)
  return { accepted, answer: scene.answerOf(previous ?? assert.fail(`Only v${current}`)) }
}

test('a daemon that is killed at any point of a rollback to a warm release', async (t) => {
  const points = [...swapPoints, drainPoint, warmPoint]
  await runPoints(t, { warmReleases: 1, points, begin: rollback })
})

test('a daemon that is killed at any point of a rollback to a cold release', async (t) => {
  const points = [...startPoints, ...swapPoints, drainPoint, stopPoint]
  await runPoints(t, { warmReleases: 0, points, begin: rollback })
})
