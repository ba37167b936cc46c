/** A real Prometheus, from Debian's package, that scrapes by a config file of the test's. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { debianTool } from '../../../tools/debian-tools.ts'
import { type CliResult, runCommand } from './run-command.ts'
import { freePorts } from './start-pebble.ts'
import { until } from './until.ts'

export interface Prometheus extends AsyncDisposable {
  /**
   * Value of an expression by the labels of each series, as JSON.
   *
   * @throws {Error} It is no expression.
   */
  query(expression: string): Promise<Map<string, number>>
  /** `promtool`, with a text as its stdin. */
  tool(arguments_: readonly string[], input?: string): Promise<CliResult>
}

/**
 * @param files By name; `prometheus.yml` is the configuration, which reads the others.
 * @returns null when it cannot be had on this machine; the reason was printed.
 */
export async function startPrometheus(
  files: Readonly<Record<string, string>>,
): Promise<Prometheus | null> {
  const tool = await debianTool('prometheus')
  if (!tool) return null
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-prometheus-'))
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dir, name), text, { mode: 0o600 })
  }
  const [port = 0] = await freePorts(1)
  const env = { ...process.env, ...tool.env }
  const flags = ['--config.file=prometheus.yml', '--storage.tsdb.path=data']
  const listen = `--web.listen-address=127.0.0.1:${port}`
  const child = spawn(tool.command, [...flags, listen], {
    ...{ cwd: dir, env, stdio: ['ignore', 'ignore', 'pipe'] },
  })
  let said = ''
  child.stderr.on('data', (text) => (said += String(text)))
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
    await rm(dir, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  const promtool = join(dirname(tool.command), 'promtool')
  try {
    await until(async () => (await fetch(`${url}/-/ready`)).ok, { what: 'Prometheus is ready' })
  } catch (error) {
    await end()
    throw new Error(`Prometheus did not start:\n${said}`, { cause: error })
  }
  return {
    query: (expression) => query(url, expression),
    tool: (arguments_, input = '') =>
      runCommand([promtool, ...arguments_], { cwd: dir, env, input }),
    [Symbol.asyncDispose]: end,
  }
}

interface QueryAnswer {
  readonly status: 'success' | 'error'
  readonly error?: string
  readonly data: {
    readonly result: readonly { readonly metric: object; value: [number, string] }[]
  }
}

async function query(url: string, expression: string): Promise<Map<string, number>> {
  const body = new URLSearchParams({ query: expression })
  const answer = await fetch(`${url}/api/v1/query`, { method: 'POST', body })
  const { status, error, data } = (await answer.json()) as QueryAnswer
  if (status !== 'success') throw new Error(`${expression}: ${error}`)
  return new Map(data.result.map(({ metric, value }) => [JSON.stringify(metric), Number(value[1])]))
}
