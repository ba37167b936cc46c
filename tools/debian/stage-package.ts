/** The file tree of the Debian package: where each file of the product goes. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { renderCompletion } from '../../packages/viaduct/src/cli/node/completion.ts'
import { fetchNpm } from './fetch-npm.ts'
import { lockedPackages } from './locked-packages.ts'
import { renderManPage } from './man-page.ts'

export interface DebianPackage {
  /** The clone, after `npm ci`. */
  readonly root: string
  readonly version: string
  /** As dpkg calls it: `amd64`. */
  readonly architecture: string
  /** Unix seconds; every file gets it. */
  readonly builtAt: number
}

/** @param stage An empty folder; it gets what `dpkg-deb --build` wants. */
export async function stagePackage(stage: string, about: DebianPackage): Promise<void> {
  stageProduct(join(stage, 'usr/lib/viaduct'), about.root)
  write(stage, 'usr/share/man/man1/viaduct.1.gz', gzipSync(await manPage(about), { level: 9 }))
  const completions = {
    bash: 'usr/share/bash-completion/completions/viaduct',
    zsh: 'usr/share/zsh/vendor-completions/_viaduct',
    fish: 'usr/share/fish/vendor_completions.d/viaduct.fish',
  } as const
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    write(stage, completions[shell], renderCompletion(shell))
  }
  const given = join(about.root, 'packaging/debian')
  const places = {
    'viaduct.service': 'usr/lib/systemd/system/viaduct.service',
    'settings.json': 'etc/viaduct/settings.json',
    'unprivileged.conf': 'usr/share/doc/viaduct/examples/unprivileged.conf',
    copyright: 'usr/share/doc/viaduct/copyright',
    postinst: 'DEBIAN/postinst',
    prerm: 'DEBIAN/prerm',
    postrm: 'DEBIAN/postrm',
  }
  for (const [name, place] of Object.entries(places)) {
    write(stage, place, readFileSync(join(given, name)))
  }
  link(stage, 'usr/bin/viaduct', '../lib/viaduct/bin/viaduct')
  write(stage, 'DEBIAN/conffiles', '/etc/viaduct/settings.json\n')
  write(stage, 'DEBIAN/control', controlFile(stage, about))
  settle(stage, about.builtAt)
}

/** What `npm pack` publishes, with its dependencies, Node.js among them, and npm. */
function stageProduct(target: string, root: string): void {
  const source = join(root, 'packages/viaduct')
  execFileSync(process.execPath, [join(root, 'tools/build-package.ts')], { stdio: 'inherit' })
  for (const name of ['bin', 'dist', 'package.json', 'LICENSE']) {
    cpSync(join(source, name), join(target, name), { recursive: true })
  }
  for (const { from, to } of lockedPackages(root)) {
    cpSync(join(root, from), join(target, to), { recursive: true, verbatimSymlinks: true })
  }
  const modules = join(target, 'node_modules')
  for (const name of readdirSync(modules)) {
    if (name.startsWith('node-linux-')) completeNode(join(modules, name))
  }
}

/** With npm where its own distribution has it, and without what nothing here reads. */
function completeNode(node: string): void {
  for (const unused of ['include', 'share']) {
    rmSync(join(node, unused), { recursive: true, force: true })
  }
  fetchNpm(join(node, 'lib/node_modules/npm'))
  link(node, 'bin/npm', '../lib/node_modules/npm/bin/npm-cli.js')
  link(node, 'bin/npx', '../lib/node_modules/npm/bin/npx-cli.js')
}

function manPage({ version, builtAt }: DebianPackage): Promise<string> {
  return renderManPage({ version, date: new Date(builtAt * 1_000).toISOString().slice(0, 10) })
}

function controlFile(stage: string, { version, architecture }: DebianPackage): string {
  return [
    'Package: viaduct',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: The Viaduct authors <viaduct@localhost>',
    `Installed-Size: ${Math.ceil(bytesOf(stage) / 1_024)}`,
    'Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8), passwd',
    'Recommends: ca-certificates, git',
    'Section: admin',
    'Priority: optional',
    'Description: deploys apps to your own servers without dropping a request',
    ' Push a folder, and it is live; one command, and you are back, in milliseconds.',
    ' Apps are plain processes of any language, described by a Procfile. The web',
    ' server, with certificates, is part of it.',
    '',
  ].join('\n')
}

function bytesOf(folder: string): number {
  return filesOf(folder).reduce((sum, path) => sum + (statSync(path).size || 0), 0)
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function write(stage: string, place: string, content: string | Buffer): void {
  mkdirSync(dirname(join(stage, place)), { recursive: true })
  writeFileSync(join(stage, place), content)
}

function link(stage: string, place: string, to: string): void {
  mkdirSync(dirname(join(stage, place)), { recursive: true })
  symlinkSync(to, join(stage, place))
}

/** The same modes and times, whatever the umask and the clock of who builds. */
function settle(stage: string, builtAt: number): void {
  chmodSync(stage, 0o755)
  for (const entry of readdirSync(stage, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) chmodSync(path, 0o755)
    else if (entry.isFile()) chmodSync(path, isRun(path) ? 0o755 : 0o644)
    lutimesSync(path, builtAt, builtAt)
  }
  lutimesSync(stage, builtAt, builtAt)
}

function isRun(path: string): boolean {
  return (statSync(path).mode & 0o100) !== 0 || /\/DEBIAN\/(postinst|prerm|postrm)$/.test(path)
}
