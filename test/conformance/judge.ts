/** Compares what came of a case with what the case says, in sentences. */
import type { Answer, Case } from './case-file.ts'
import type { Outcome } from './run-case.ts'

/** @returns What is wrong; nothing when all is as it must be. */
export function judge(wanted: Case, outcome: Outcome): string[] {
  const faults: string[] = []
  const expect = (what: string, got: unknown, want: unknown): void => {
    if (got !== want) faults.push(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`)
  }
  expect('answers', outcome.answers.join(' '), wanted.answers.map(renderAnswer).join(' '))
  expect('ending', outcome.ending, wanted.ending)
  if (wanted.read !== null) expect('read', outcome.read, wanted.read)
  if (wanted.seen === 'partial') expect('whole requests seen', outcome.requests.length, 0)
  else expect('the instance saw', outcome.seen, wanted.seen.bytes)
  return [...faults, ...judgeNext(outcome)]
}

/** What must be true whatever was sent: the next client gets its own answer. */
export function judgeNext({ next, wantedNext }: Outcome): string[] {
  if (next === wantedNext) return []
  return [`the next client was answered ${JSON.stringify(next)}, not ${wantedNext}`]
}

function renderAnswer({ status, reason }: Answer): string {
  return reason === '' ? String(status) : `${status}:${reason}`
}

/** The client was refused, so nothing that follows in its bytes may be taken as a request. */
export function isRefused({ answers, ending, upstream, sent }: Case): boolean {
  const last = answers.at(-1)
  const isOurs = last !== undefined && last.reason !== '' && last.status < 500
  return isOurs && ending === 'closed' && upstream === null && !sent.includes('end')
}
