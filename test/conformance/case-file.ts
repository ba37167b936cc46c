/**
 * Reads the files of `cases/`: what a client sends byte by byte, what it must see, and what the
 * instance must have seen.
 *
 *   == name ; RFC and section       a case begins
 *   > bytes                         sent by the client; more lines go on in the same piece
 *   @ bytes                         answer to the first request, when it is whole (@@: at its head)
 *   = 200 400 closed                statuses; `:reason` of a platform error, open, closed, reset
 *   < bytes                         all that the client reads, exactly
 *   ^ bytes                         what reaches the instance; also: same, nothing, partial
 *   split                           sent once more for each byte, cut there
 *   todo reason                     known to fail
 *
 * In bytes `|` is CRLF, `\xNN \n \r \t \\` are escapes, `{300*a}` repeats, `{pause}` cuts the
 * piece, `{end}` ends the sender's side, `{reset}` resets the connection; `{seen}` waits until the
 * other end has the piece before it, `{answered}` until the client has an answer, `{whole}` until
 * the instance has a whole request, `{asked}` until the same connection has one more.
 */
import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

export type Ending = 'open' | 'closed' | 'reset'

/** Bytes as latin1, or what else a sender does between them. */
export type Step = { readonly send: string } | Word
type Word = (typeof words)[number]
const words = ['pause', 'end', 'reset', 'seen', 'answered', 'whole', 'asked'] as const
const wordPattern = new RegExp(`(\\{(?:${words.join('|')})\\})`)

export interface Answer {
  readonly status: number
  /** The platform's reason; empty when the answer is the app's. */
  readonly reason: string
}

export interface Case {
  readonly group: string
  readonly name: string
  readonly rfc: string
  readonly sent: readonly Step[]
  /** null: the usual answer, 200 with the target as its body. */
  readonly upstream: { readonly steps: readonly Step[]; readonly atHead: boolean } | null
  readonly answers: readonly Answer[]
  readonly ending: Ending
  /** null: not looked at. */
  readonly read: string | null
  /** Exact bytes without the fields that the proxy adds; `partial`: no whole request. */
  readonly seen: { readonly bytes: string } | 'partial'
  readonly split: boolean
  /** Why it is known to fail; empty when it must pass. */
  readonly todo: string
}

const folder = join(import.meta.dirname, 'cases')
/** What the platform says with these statuses, when a case says nothing else. */
const usualReasons: Readonly<Record<number, string>> = {
  400: 'bad-request',
  404: 'no-app',
  405: 'connect-refused',
  431: 'head-too-long',
  502: 'bad-response',
}

/** All cases, in the order of the files. @throws {Error} With file and name of a broken one. */
export async function readCases(): Promise<Case[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.txt')).sort()
  const lists = await Promise.all(
    files.map(async (file) =>
      parseCases(await readFile(join(folder, file), 'utf8'), basename(file, '.txt')),
    ),
  )
  return lists.flat()
}

function parseCases(text: string, group: string): Case[] {
  const blocks = text.split(/^== /m).slice(1)
  return blocks.map((block) => {
    const [title = '', ...lines] = block.split('\n')
    try {
      return parseCase(title, lines, group)
    } catch (error) {
      throw new Error(`${group}: ${title}: ${String(error)}`, { cause: error })
    }
  })
}

function parseCase(title: string, lines: readonly string[], group: string): Case {
  const [name = '', rfc = ''] = title.split(' ; ')
  const of = (mark: string): string[] =>
    lines.filter((line) => line.startsWith(`${mark} `)).map((line) => line.slice(mark.length + 1))
  const known = /^(> |@@? |= |< |\^ |split$|todo |#|$)/
  const odd = lines.find((line) => !known.test(line))
  if (odd !== undefined) throw new Error(`not understood: ${odd}`)
  const sent = parseSteps(of('>').join(''))
  const [atHead, atEnd] = [of('@@').join(''), of('@').join('')]
  const outcome = parseOutcome(of('=').join(' '))
  if (sent.length === 0) throw new Error('sends nothing')
  return {
    ...{ group, name: name.trim(), rfc: rfc.trim(), sent, ...outcome },
    upstream:
      atHead + atEnd === '' ? null : { steps: parseSteps(atHead || atEnd), atHead: atHead !== '' },
    read: of('<').length === 0 ? null : bytesOf(parseSteps(of('<').join(''))),
    seen: parseSeen(of('^').join(''), bytesOf(sent), outcome.answers),
    split: lines.includes('split'),
    todo: of('todo').join(' '),
  }
}

/** `200 400:bad-request closed`; who answers 400 closes, when nothing else is said. */
function parseOutcome(text: string): { answers: Answer[]; ending: Ending } {
  const words = text.split(' ').filter(Boolean)
  const answers = words.flatMap((word): Answer[] => {
    const [, status, reason] = /^(\d{3})(?::([\w-]*))?$/.exec(word) ?? []
    if (status === undefined) return []
    return [{ status: Number(status), reason: reason ?? usualReasons[Number(status)] ?? '' }]
  })
  const last = words.at(-1)
  if (last === 'open' || last === 'closed' || last === 'reset') return { answers, ending: last }
  if (answers.length === 0 || answers.length !== words.length) throw new Error(`= ${text}`)
  const status = answers.at(-1)?.status ?? 0
  return { answers, ending: status >= 400 && status < 500 ? 'closed' : 'open' }
}

function parseSeen(text: string, sent: string, answers: readonly Answer[]): Case['seen'] {
  if (text === 'partial') return 'partial'
  if (text === 'nothing') return { bytes: '' }
  if (text === 'same') return { bytes: sent }
  if (text !== '') return { bytes: bytesOf(parseSteps(text)) }
  return { bytes: answers.some(({ status, reason }) => reason !== '' && status < 500) ? '' : sent }
}

/** What the steps send, one piece after the other. */
export function bytesOf(steps: readonly Step[]): string {
  return steps.map((step) => (typeof step === 'object' ? step.send : '')).join('')
}

function parseSteps(text: string): Step[] {
  return text
    .split(wordPattern)
    .filter((part) => part !== '')
    .map((part): Step => words.find((word) => part === `{${word}}`) ?? { send: unescape(part) })
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }

function unescape(text: string): string {
  return text
    .replaceAll('|', '\r\n')
    .replaceAll(/\{(\d+)\*([^}]+)\}/g, (_, count: string, part: string) =>
      part.repeat(Number(count)),
    )
    .replaceAll(/\\(?:x([0-9a-f]{2})|([nrt\\]))/g, (_, hex?: string, letter?: string) =>
      hex === undefined
        ? (escapes[letter ?? ''] ?? '')
        : String.fromCharCode(Number.parseInt(hex, 16)),
    )
}
