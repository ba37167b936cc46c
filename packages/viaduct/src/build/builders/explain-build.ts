/** What a build of a tree would do, and because of what: for people. Pure. */
import type { DetectedApp } from '../detect/detect-app.ts'
import type { StepName } from '../run-step.ts'

export interface ExplainedBuild {
  readonly builders: readonly {
    readonly builder: string
    readonly reasons: readonly string[]
    readonly tools: Readonly<Record<string, string>>
  }[]
  /** In the order in which they run. Unchanged dependencies come from the cache. */
  readonly steps: readonly {
    readonly step: StepName
    readonly command: string
    /** null: a line of `install` in the manifest. */
    readonly builder: string | null
  }[]
  readonly processes: readonly {
    readonly type: string
    readonly command: string
    /** The builder that knew it; null: the Procfile says it. */
    readonly builder: string | null
  }[]
}

export function explainBuild(app: DetectedApp): ExplainedBuild {
  const steps = app.builders.flatMap(({ builder, steps: own }) =>
    own.map((one) => ({ ...one, builder })),
  )
  const commands = (app.manifest.install ?? []).map((command) => {
    return { step: 'command' as const, command, builder: null }
  })
  const isFirst = ({ step }: { readonly step: StepName }): boolean => step === 'install'
  return {
    builders: app.builders.map(({ builder, reasons, tools }) => ({ builder, reasons, tools })),
    steps: [...steps.filter(isFirst), ...commands, ...steps.filter((one) => !isFirst(one))],
    processes: Object.entries<string>(app.processes).map(([type, command]) => {
      const knows = app.builders.find(({ processes }) => {
        return (processes as Readonly<Record<string, string>>)[type] === command
      })
      return { type, command, builder: knows?.builder ?? null }
    }),
  }
}
