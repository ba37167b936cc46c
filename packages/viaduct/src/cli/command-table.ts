/**
 * Every command as data: what `viaduct --help` shows, and where the command's own file is. A file
 * is loaded only when its command runs, which keeps the start of each fast.
 */
import type { Command } from 'commander'

/** Adds arguments, options, help and the action to a command that has its name already. */
export type DefineCommand = (command: Command) => void

export interface CommandEntry {
  readonly name: string
  readonly alias?: string
  readonly summary: string
  readonly load: () => Promise<DefineCommand>
}

export interface CommandGroup {
  readonly title: string
  readonly commands: readonly CommandEntry[]
}

export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Deploy:',
    commands: [
      {
        name: 'deploy',
        summary: 'build a folder and move its app to it, without losing a request',
        load: async () => (await import('./deploys/deploy.ts')).defineDeploy,
      },
      {
        name: 'redeploy',
        summary: 'deploy what the repository has now, or what was uploaded last',
        load: async () => (await import('./deploys/redeploy.ts')).defineRedeploy,
      },
      {
        name: 'check',
        summary: 'show everything that is wrong with a folder, before a deploy',
        load: async () => (await import('./deploys/check.ts')).defineCheck,
      },
      {
        name: 'build',
        summary: 'explain how a folder would be built, and why',
        load: async () => (await import('./deploys/build.ts')).defineBuild,
      },
      {
        name: 'releases',
        summary: 'list the releases of an app',
        load: async () => (await import('./deploys/releases.ts')).defineReleases,
      },
      {
        name: 'rollback',
        summary: 'go back to the release that served before, or to another one',
        load: async () => (await import('./deploys/rollback.ts')).defineRollback,
      },
    ],
  },
  {
    title: 'Apps:',
    commands: [
      {
        name: 'apps',
        summary: 'list the apps, make one from a repository, change what it is told',
        load: async () => (await import('./apps/apps.ts')).defineApps,
      },
      {
        name: 'ps',
        alias: 'dynos',
        summary: 'list the running processes of an app',
        load: async () => (await import('./apps/ps.ts')).definePs,
      },
      {
        name: 'scale',
        summary: 'set how many processes of each type run',
        load: async () => (await import('./apps/scale.ts')).defineScale,
      },
      {
        name: 'restart',
        summary: 'replace every process, new beside old',
        load: async () => (await import('./apps/restart.ts')).defineRestart,
      },
      {
        name: 'stop',
        summary: 'stop an app; it keeps its releases and config',
        load: async () => (await import('./apps/stop.ts')).defineStop,
      },
      {
        name: 'start',
        summary: 'start an app that was stopped',
        load: async () => (await import('./apps/start.ts')).defineStart,
      },
      {
        name: 'destroy',
        summary: 'remove an app with its releases, logs, config and data',
        load: async () => (await import('./apps/destroy.ts')).defineDestroy,
      },
      {
        name: 'open',
        summary: 'open an app in the browser, or print its URL',
        load: async () => (await import('./apps/open.ts')).defineOpen,
      },
    ],
  },
  {
    title: 'Config:',
    commands: [
      {
        name: 'config',
        alias: 'env',
        summary: 'show and change the variables of an app',
        load: async () => (await import('./config/config.ts')).defineConfig,
      },
    ],
  },
  {
    title: 'Routes and requests:',
    commands: [
      {
        name: 'routes',
        summary: 'show and change where an app answers: host and path',
        load: async () => (await import('./edge/routes.ts')).defineRoutes,
      },
      {
        name: 'domains',
        summary: 'show and change the host names of an app',
        load: async () => (await import('./edge/domains.ts')).defineDomains,
      },
      {
        name: 'ports',
        summary: 'show and change the port that leads to an app alone',
        load: async () => (await import('./edge/ports.ts')).definePorts,
      },
      {
        name: 'http',
        summary: 'show and change how requests are treated: limits, access, timeouts',
        load: async () => (await import('./edge/http.ts')).defineHttp,
      },
      {
        name: 'maintenance',
        summary: 'answer every request of an app with a page, and end that again',
        load: async () => (await import('./edge/maintenance.ts')).defineMaintenance,
      },
      {
        name: 'certs',
        summary: 'list, add, remove and renew certificates',
        load: async () => (await import('./certs/certs.ts')).defineCerts,
      },
    ],
  },
  {
    title: 'Look inside:',
    commands: [
      {
        name: 'logs',
        summary: 'show what the processes of an app wrote',
        load: async () => (await import('./observe/logs.ts')).defineLogs,
      },
      {
        name: 'stats',
        summary: 'show CPU, memory, requests and latency',
        load: async () => (await import('./observe/stats.ts')).defineStats,
      },
      {
        name: 'top',
        summary: 'watch CPU, memory and requests live',
        load: async () => (await import('./observe/top.ts')).defineTop,
      },
    ],
  },
  {
    title: 'Server and client:',
    commands: [
      {
        name: 'up',
        summary: 'run the platform on this machine',
        load: async () => (await import('./node/up.ts')).defineUp,
      },
      {
        name: 'login',
        alias: 'auth',
        summary: 'save the token of a server',
        load: async () => (await import('./node/login.ts')).defineLogin,
      },
      {
        name: 'doctor',
        summary: 'check this machine and the connection to the server',
        load: async () => (await import('./node/doctor.ts')).defineDoctor,
      },
      {
        name: 'completion',
        summary: 'print a completion script for bash, zsh or fish',
        load: async () => (await import('./node/completion.ts')).defineCompletion,
      },
      {
        name: 'version',
        summary: 'print the versions of Viaduct and Node.js',
        load: async () => (await import('./node/version.ts')).defineVersion,
      },
    ],
  },
]
