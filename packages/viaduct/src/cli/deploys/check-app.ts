/** What `check` and `deploy` find wrong with a folder before anything is sent. */
import { realpath } from 'node:fs/promises'
import { type DetectedApp, inspectApp } from '../../build/detect/detect-app.ts'
import type { AppError } from '../../model/app-error.ts'
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
 */
export async function checkApp(directory: string): Promise<CheckedApp> {
  const inspection = await inspectApp(directory)
  const { paths } = await listFolder(await realpath(directory))
  const sent = new Set(paths)
  const isSent = (file: unknown): boolean => file !== '.env' || sent.has('.env')
  const errors = inspection.errors.filter(({ data }) => isSent(data['file']))
  const warnings = inspection.app.warnings.filter(({ file }) => isSent(file))
  const findings = [
    ...errors.map(findingOf),
    ...warnings.map((warning) => ({
      ...{ level: 'warning' as const, field: null, code: 'no-effect', hint: '' },
      ...warning,
    })),
  ]
  return { app: inspection.app, errors, findings }
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
