/**
 * Does the Debian package install, run, upgrade under load without a lost request, and purge
 * without a trace? On a Debian with systemd of its own; needs root and debootstrap.
 */
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanEnvironment, runCommand } from '../../test/e2e/harness/run-command.ts'
import { until } from '../../test/e2e/harness/until.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import { DebianMachine } from './debian/debian-machine.ts'
import { report } from '../scenarios/report.ts'

const repository = join(import.meta.dirname, '../..')
const buildTimeoutMs = 600_000
/** What a purge must leave nothing of; the last one is there while a process of the service is. */
const places = [
  ...['/etc/viaduct', '/usr/lib/viaduct', '/var/lib/viaduct', '/var/cache/viaduct'],
  '/sys/fs/cgroup/system.slice/viaduct.service',
]

const missing = DebianMachine.unavailable()
if (missing !== null) process.stderr.write(`\n*** SKIPPED: debian-package: ${missing}\n\n`)
else await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-debian-'))
  try {
    await run([process.execPath, join(repository, 'tools/package-deb.ts'), folder])
    const [name = ''] = await readdir(folder)
    const first = join(folder, name)
    const { size } = await stat(first)
    const second = await newerVersion(first, folder)
    await using machine = await DebianMachine.boot(join(folder, 'machine'))
    await cp(first, join(machine.root, 'root/first.deb'))
    await cp(second, join(machine.root, 'root/second.deb'))
    const app = join(repository, 'test/fixtures/apps/good')
    await cp(app, join(machine.root, 'root/good'), { recursive: true })

    await machine.run('dpkg', '-i', '/root/first.deb')
    await until(async () => (await machine.try('viaduct', 'deploy', '/root/good')).code === 0, {
      what: 'the service takes a deploy',
      timeoutMs: 60_000,
      everyMs: 500,
    })
    const upgraded = await upgradeUnderLoad(machine)
    await machine.run('systemctl', 'restart', 'viaduct')
    const isBack = await until(
      async () => (await machine.run('viaduct', 'ps', '--json')).includes('"ready"'),
      { what: 'the app runs again after a restart of the service', timeoutMs: 60_000 },
    )
    await machine.run('dpkg', '--purge', 'viaduct')
    const traces = await Promise.all(places.map((place) => machine.try('ls', place)))
    const user = await machine.try('getent', 'passwd', 'viaduct')
    const left = [...traces, user].filter(({ code }) => code === 0).length
    report('debian-package', [
      { name: 'size of the package', value: size / 1e6, unit: 'MB' },
      { name: 'requests during an upgrade', value: upgraded.requests, unit: '', least: 1 },
      { name: '… failed', value: upgraded.failed, unit: '', limit: 0 },
      {
        name: 'processes of the app that the upgrade replaced',
        value: upgraded.replaced,
        unit: '',
        limit: 0,
      },
      {
        name: 'a restart of the service brings the app back',
        value: isBack ? 1 : 0,
        unit: '',
        least: 1,
      },
      { name: 'places that a purge left', value: left, unit: '', limit: 0 },
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function upgradeUnderLoad(
  machine: DebianMachine,
): Promise<{ requests: number; failed: number; replaced: number }> {
  const before = await pidsOf(machine)
  const keeper = await machine.run('systemctl', 'show', '--value', '-p', 'MainPID', 'viaduct')
  await using load = await startLoad({
    url: 'http://good.localhost',
    through: machine.network,
    rate: 300,
  })
  await machine.run('dpkg', '-i', '/root/second.deb')
  await until(async () => (await machine.try('viaduct', 'version')).stdout.includes('99.0.0'), {
    what: 'the newer version answers',
  })
  await until(
    async () => {
      const now = await machine.run('systemctl', 'show', '--value', '-p', 'MainPID', 'viaduct')
      return now !== keeper && now.trim() !== '0'
    },
    { what: 'a new keeper runs' },
  )
  await until(async () => (await pidsOf(machine)).length > 0, { what: 'it has found the app' })
  const { requests, failed } = await load.stop()
  const after = new Set(await pidsOf(machine))
  return { requests, failed, replaced: before.filter((pid) => !after.has(pid)).length }
}

async function pidsOf(machine: DebianMachine): Promise<number[]> {
  const { code, stdout } = await machine.try('viaduct', 'ps', '--app', 'good', '--json')
  if (code !== 0) return []
  return [...stdout.matchAll(/"pid":\s*(\d+)/g)].map(([, pid]) => Number(pid))
}

/** The same package as 99.0.0. */
async function newerVersion(first: string, folder: string): Promise<string> {
  const tree = join(folder, 'newer')
  await run(['dpkg-deb', '-R', first, tree])
  await run(['sed', '-i', 's/^Version: .*/Version: 99.0.0/', join(tree, 'DEBIAN/control')])
  const manifest = join(tree, 'usr/lib/viaduct/package.json')
  await run(['sed', '-i', 's/"version": .*/"version": "99.0.0",/', manifest])
  const second = join(folder, 'newer.deb')
  await run(['dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '-b', tree, second])
  return second
}

async function run(command: [string, ...string[]]): Promise<void> {
  const options = { cwd: repository, env: cleanEnvironment(), timeoutMs: buildTimeoutMs }
  const { code, stdout, stderr } = await runCommand(command, options)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
}
