/** What `check` and `deploy` find wrong with a folder before anything is sent. */
import { realpath } from 'node:fs/promises'
import { type DetectedApp, inspectApp } from '../../build/detect/detect-app.ts'
import { AppError } from '../../model/app-error.ts'
import type { ServerManifest } from '../../model/release.ts'
import { listFolder } from '../../sources/list-folder.ts'

/** A mistake, or something without an effect. */
export interface Finding {
  readonly level: 'error' | 'warning'
  readonly file: string | null
  /** From 1; null when it is about the whole file. */
  readonly line: number | null
  /** As in `scale.web`. */
  readonly field: string | null
  readonly code: string
  /** Without the place. */
  readonly message: string
  /** What to do; '' when the message says it. */
  readonly hint: string
}

export interface CheckedApp {
  readonly app: DetectedApp
  readonly errors: readonly AppError[]
  /** Errors first. */
  readonly findings: readonly Finding[]
}

/**
 * Reads what a build would look at. What an ignore file keeps at home is not checked.
 *
 * @param directory Absolute path of a folder that is there.
 * @param told What the server was told of the app.
 */
export async function checkApp(directory: string, told: ServerManifest = {}): Promise<CheckedApp> {
  const [inspection, list] = await Promise.all([inspectApp(directory, told), listSent(directory)])
  const isSent = (file: unknown): boolean => file !== '.env' || list.sent.has('.env')
  const found = inspection.errors.filter(({ data }) => isSent(data['file']))
  const errors = [...found, ...list.errors]
  const warnings = inspection.app.warnings.filter(({ file }) => isSent(file))
  const { dotenv } = inspection.app
  const app = { ...inspection.app, warnings, dotenv: isSent('.env') ? dotenv : [] }
  const findings = [
    ...errors.map(findingOf),
    ...warnings.map((warning) => ({
      ...{ level: 'warning' as const, field: null, code: 'no-effect', hint: '' },
      ...warning,
    })),
  ]
  return { app, errors, findings }
}

/** What a deploy would upload; a link that leaves the folder is one of its mistakes. */
async function listSent(
  directory: string,
): Promise<{ sent: ReadonlySet<string>; errors: readonly AppError[] }> {
  try {
    const { paths } = await listFolder(await realpath(directory))
    return { sent: new Set(paths), errors: [] }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { sent: new Set(['.env']), errors: [error] }
  }
}

function findingOf({ code, message, hint, data }: AppError): Finding {
  const { file, line, field } = data
  return {
    level: 'error',
    file: typeof file === 'string' ? file : null,
    line: typeof line === 'number' ? line : null,
    field: typeof field === 'string' ? field : null,
    code,
    message: message.replace(/^\S+ line [0-9]+: /, ''),
    hint,
  }
}

/** `viaduct.json:3`, the file alone, or '' for the whole folder. */
export function renderPlace({ file, line }: Pick<Finding, 'file' | 'line'>): string {
  return line === null ? (file ?? '') : `${file ?? ''}:${line}`
}
