/** The field `cron`: what runs by the clock. */
import { AppError } from '../../model/app-error.ts'
import { cronJobsMax, cronTimeoutMs } from '../../model/limits.ts'
import type { CronJob } from '../../model/manifest.ts'
import { parseCronSchedule } from '../../model/manifest/cron-schedule.ts'
import { described, integer, list, object, parsed, text, truth } from './field.ts'
import { appName, command, processType } from './name-fields.ts'

const weekMs = 7 * 86_400_000

const timeZone = parsed(
  text('a time zone such as "Europe/Berlin"', { pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$' }),
  (zone) => {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new AppError('bad-schedule', `${JSON.stringify(zone)} is not a time zone`)
    }
  },
)

/** As `parseCronSchedule` reads it; stays as it is written. */
export const schedule = parsed(
  text('a schedule such as "30 4 * * mon-fri" or "@daily"', { maxLength: 200 }),
  (value) => {
    parseCronSchedule(value)
    return value
  },
)

const cronJob = parsed(
  object<CronJob>(
    {
      name: described(appName, 'One of its own; default: "cron-N", by its place in the list.'),
      schedule: described(schedule, 'Minute, hour, day, month, weekday.', {
        examples: ['30 4 * * mon-fri', '@daily'],
      }),
      command: described(command, 'A shell line, or else a process.'),
      process: described(processType, 'A process type, whose command runs.'),
      timeZone: described(timeZone, 'Where the schedule holds.', {
        default: 'UTC',
        examples: ['Europe/Berlin'],
      }),
      overlap: described(truth, 'A run starts though the one before has not ended.', {
        default: false,
      }),
      timeoutMs: described(integer(1_000, weekMs, 'milliseconds'), 'A longer run is stopped.', {
        default: cronTimeoutMs,
      }),
    },
    ['schedule'],
  ),
  (job) => {
    if ((job.command === undefined) !== (job.process === undefined)) return job
    throw new AppError('bad-schedule', 'It wants "command" or "process", one of them')
  },
)

/** Each has a name of its own. */
export const cron = parsed(list(cronJob, cronJobsMax), (jobs) => {
  const names = jobs.map(({ name }, at) => name ?? `cron-${at + 1}`)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return jobs
  throw new AppError('bad-schedule', `Two jobs have the name "${twice}"`)
})
