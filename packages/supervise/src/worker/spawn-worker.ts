/**
 * Starts the process of one worker: in a session of its own, so that a signal to the master's
 * group does not reach it, and with a channel. A script gets our preload, which shares ports.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { socketVariable } from '../bus/channel.ts'
import { idleGraceMs } from '../limits.ts'
import type { MasterConfig } from '../master/master-options.ts'
import { preloadPath, workerVariable } from '../preload/preload-paths.cjs'

/** @param workerId Told to the worker: `MessageBus.workerId`. */
export function spawnWorker(config: MasterConfig, workerId: number): ChildProcess {
  const { script, command, args, execArgv, cwd, output } = config
  const out = output === 'lines' ? 'pipe' : output
  const stdio: StdioOptions = ['ignore', out, out, 'ipc']
  const options = { cwd, stdio, detached: true, env: environmentOf(config, workerId) }
  if (command !== null) return spawn(command[0] ?? '', [...command.slice(1), ...args], options)
  const node = [...execArgv, '--require', preloadPath, script ?? '', ...args]
  return spawn(process.execPath, node, options)
}

function environmentOf(config: MasterConfig, workerId: number): NodeJS.ProcessEnv {
  const { env, schedulingPolicy } = config
  const worker = JSON.stringify({ id: workerId, policy: schedulingPolicy, idleGraceMs })
  // A worker speaks with its master, also where that is an app on Viaduct itself.
  return { ...process.env, [socketVariable]: undefined, ...env, [workerVariable]: worker }
}

/** SIGKILL to the worker and to what it started, as far as that stayed in its process group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: nobody is left. EPERM: only a zombie, or a stranger that took another user.
  }
}
