/** The builder for Python: a tree with requirements.txt, or a project in pyproject.toml. */
import type { ProcessType } from '../../../model/ids.ts'
import type { Builder, DetectOptions, Detection, Equipped, Machine } from '../builder.ts'
import { choosePython, findPythons } from './find-python.ts'
import { installVenv, pipCommands, relocateAgain, venvName } from './install-venv.ts'
import { type PythonPlan, readPythonPlan } from './python-plan.ts'

export const pythonBuilder: Builder = {
  name: 'python',
  combines: true,
  signs: ['requirements.txt', 'pyproject.toml'],
  async detect(tree, options): Promise<Detection | null> {
    const plan = await readPythonPlan(tree)
    if (plan === null) return null
    const { python, web, origin, appName } = plan
    return {
      builder: 'python',
      reasons: reasonsOf(plan),
      appName,
      processes: web === null ? {} : { ['web' as ProcessType]: web },
      noWeb: 'its dependencies have no gunicorn or uvicorn with an "app" in app.py or main.py',
      tools: { Python: python ? `${python.written} (${python.askedBy})` : "the system's python3" },
      steps: [
        { step: 'install', command: `python -m venv ${venvName}` },
        { step: 'install', command: pipCommands[origin] },
      ],
      equip: (machine) => equip(plan, options, machine),
    }
  },
}

function reasonsOf({ origin, hasUvLock }: PythonPlan): string[] {
  const file = origin === 'requirements' ? 'requirements.txt' : 'pyproject.toml'
  return [
    `${file} is there`,
    ...(origin === 'package' ? ['it has [build-system]: the app is installed as a package'] : []),
    ...(hasUvLock && origin !== 'requirements'
      ? ['uv.lock is not read: "uv export -o requirements.txt" pins the versions']
      : []),
  ]
}

async function equip(
  plan: PythonPlan,
  { hasCommands }: DetectOptions,
  { signal }: Machine,
): Promise<Equipped> {
  const python = choosePython(await findPythons(signal), plan.python)
  const toolchain = [`python ${python.version}`, process.platform, process.arch]
  return {
    toolchain,
    runtime: { tools: [], path: [`${venvName}/bin`], env: { PYTHONUNBUFFERED: '1' } },
    install: (context) => installVenv({ plan, python, toolchain }, context),
    compile: async (context) => {
      if (hasCommands) await relocateAgain(python, context)
    },
  }
}
