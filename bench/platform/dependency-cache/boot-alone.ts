/** How long an app takes by itself: from the start of its command to a port that accepts. */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '../../../test/e2e/harness/until.ts'

/** @returns Milliseconds. */
export async function bootAlone(
  cwd: string,
  [command = '', ...args]: readonly string[],
): Promise<number> {
  const port = 30_000 + Math.floor(Math.random() * 2_000)
  const begun = performance.now()
  const child = spawn('sh', ['-c', 'exec "$@"', 'sh', command, ...args], {
    cwd,
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1' },
    stdio: 'ignore',
  })
  try {
    await until(() => accepts(port), { everyMs: 2 })
    return performance.now() - begun
  } finally {
    child.kill('SIGKILL')
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
