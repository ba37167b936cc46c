import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../app-error.ts'
import { parseCronSchedule } from './cron-schedule.ts'

test('the five parts are read as crontab has them', () => {
  assert.deepEqual(parseCronSchedule('30 4 1,15 jan-mar,12 *'), {
    minutes: [30],
    hours: [4],
    days: [1, 15],
    months: [1, 2, 3, 12],
    weekdays: [0, 1, 2, 3, 4, 5, 6],
    isEitherDay: false,
  })
  const work = parseCronSchedule('*/20 8-18/5 13 * Mon-Fri')
  assert.deepEqual(work.minutes, [0, 20, 40])
  assert.deepEqual(work.hours, [8, 13, 18])
  assert.deepEqual(work.weekdays, [1, 2, 3, 4, 5])
  assert.equal(work.isEitherDay, true)
  assert.equal(parseCronSchedule('0 0 */2 * mon').isEitherDay, false)
  assert.deepEqual(parseCronSchedule('0 0 * * 5-7').weekdays, [0, 5, 6])
  assert.deepEqual(parseCronSchedule('0  0\t* * 0,7').weekdays, [0])
  assert.deepEqual(parseCronSchedule('@weekly'), parseCronSchedule('0 0 * * sun'))
  assert.deepEqual(parseCronSchedule('0 0 29 feb *').days, [29])
})

test('a schedule that is wrong, or never comes, says the part', () => {
  const wrong: [string, RegExp][] = [
    ['', /is not "MINUTE HOUR/],
    ['* * * *', /is not "MINUTE HOUR/],
    ['* * * * * *', /is not "MINUTE HOUR/],
    ['@reboot', /is not "MINUTE HOUR/],
    ['60 * * * *', /a minute that is none: "60"/],
    ['* 24 * * *', /an hour|a hour that is none: "24"/],
    ['* * 0 * *', /a day that is none: "0"/],
    ['* * * 13 *', /a month that is none: "13"/],
    ['* * * * 8', /a weekday that is none: "8"/],
    ['* * * * foo', /a weekday that is none: "foo"/],
    ['* * * mon *', /a month that is none: "mon"/],
    ['*/0 * * * *', /a minute that is none/],
    ['5/10 * * * *', /a minute that is none/],
    ['30-10 * * * *', /a minute that is none/],
    ['1, * * * *', /a minute that is none: ""/],
    ['-1 * * * *', /a minute that is none/],
    ['1.5 * * * *', /a minute that is none/],
    ['0 0 31 2,4 *', /names a day that its months do not have/],
    ['0 0 30 feb *', /names a day that its months do not have/],
  ]
  for (const [text, message] of wrong) {
    assert.throws(() => parseCronSchedule(text), { code: 'bad-schedule', message }, text)
  }
  // A weekday is enough for it to come.
  parseCronSchedule('0 0 31 2 mon')
})

test('any text is a schedule with something in each part, or is refused', () => {
  const word = fc.constantFrom(
    '*',
    '5',
    '1-5',
    '*/7',
    '1,2',
    'sun',
    'dec',
    '59',
    '7',
    '1-31/3',
    ' ',
    '@daily',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(word, { minLength: 5, maxLength: 5 }).map((all) => all.join(' ')),
  )
  fc.assert(
    fc.property(text, (schedule) => {
      try {
        const { isEitherDay: _, ...parts } = parseCronSchedule(schedule)
        for (const numbers of Object.values(parts)) assert.ok(numbers.length > 0, schedule)
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'bad-schedule', String(error))
      }
    }),
    { numRuns: 1_000 },
  )
})
