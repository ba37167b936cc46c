import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { type InstanceState, mayBecome, nextStates } from './instance-state.ts'

const states = Object.keys(nextStates) as InstanceState[]

test('the table allows exactly the drawn transitions', () => {
  const allowed = states.flatMap((from) =>
    states.filter((to) => mayBecome(from, to)).map((to) => `${from}>${to}`),
  )
  assert.deepEqual(allowed.toSorted(), [
    'draining>exited',
    'draining>ready',
    'draining>stopping',
    'draining>warm',
    'ready>draining',
    'ready>exited',
    'ready>stopping',
    'ready>unready',
    'starting>exited',
    'starting>ready',
    'starting>stopping',
    'stopping>exited',
    'unready>draining',
    'unready>exited',
    'unready>ready',
    'unready>stopping',
    'warm>exited',
    'warm>ready',
    'warm>stopping',
  ])
})

test('every state but the last can end, and nothing comes back from the end', () => {
  for (const state of states) assert.equal(mayBecome(state, 'exited'), state !== 'exited')
  assert.deepEqual(nextStates.exited, [])
})
