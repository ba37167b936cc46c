/**
 * What is true of the repository as a whole: exact versions, a lock file that names no registry,
 * and no trace of the machine that somebody worked on.
 */
import { type Check, perFile } from './check.ts'

const machinePaths =
  /(?<![\w.])\/(work\/(main|shared)|home\/(?!user\b|you\b|ada\b)[a-z]\w*|Users\/\w+)\b/

export const repositoryChecks: readonly Check[] = [
  {
    name: 'dependencies have exact versions',
    find: perFile(({ path, text }) => {
      const ours = path.endsWith('package.json') && !/fixtures|examples/.test(path)
      return ours ? findRanges(text) : []
    }),
    planted: [
      [{ path: 'package.json', text: '{ "dependencies": { "a": "^1.0.0" } }' }],
      [{ path: 'package.json', text: '{ "devDependencies": { "a": "latest" } }' }],
    ],
  },
  {
    name: 'the lock file names no registry and no file',
    find: perFile(({ path, text }) => {
      if (path !== 'package-lock.json') return []
      return [...text.matchAll(/"resolved": "((?:https?|file|git)[^"]*)"/g)].map(
        ([, from]) => `is tied to ${from}`,
      )
    }),
    planted: [[{ path: 'package-lock.json', text: '"resolved": "https://mirror.example/a.tgz"' }]],
  },
  {
    name: 'no path of one machine and no registry of one network',
    find: perFile(({ text }) => {
      const found = machinePaths.exec(text) ?? /^\s*registry\s*=.*$/m.exec(text)
      return found ? [found[0]] : []
    }),
    planted: [
      [{ path: 'a.md', text: ['See ', 'work', 'main', 'README.md'].join('/') }],
      [{ path: 'a.ts', text: "const cache = '/home/bob/cache'" }],
      [{ path: '.npmrc', text: 'registry=http://10.0.0.1:4873/' }],
    ],
  },
]

function findRanges(text: string): string[] {
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  const fields = ['dependencies', 'devDependencies', 'optionalDependencies']
  return fields.flatMap((field) =>
    Object.entries(manifest[field] ?? {})
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name} is ${version}`),
  )
}
