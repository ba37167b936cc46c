/**
 * Tests that CI may skip: the name of the test, and why. Anything else that is skipped there is a
 * failure, because a check that silently stopped is worse than none.
 */
const fromRegistry = 'It gets another tool from the registry, which an offline machine has not.'

export const allowedSkips: Readonly<Record<string, string>> = {
  'stop reaches descendants that left session and parent, by a control group':
    'It needs a writable cgroup v2 hierarchy; the other way, a scan, is tested everywhere.',
  'what nginx and HAProxy both refuse is refused here':
    'It needs nginx and HAProxy, which come from a Debian mirror.',
  'supervise works on Node.js 20':
    'It needs an older Node.js beside the one that the project brings along.',
  'a generated client compiles and works':
    'It installs a generator of clients from the npm registry.',
  ...Object.fromEntries(
    ['pnpm 10', 'yarn-classic 1', 'yarn 4'].flatMap((manager) => [
      [`${manager} installs by its lock file, builds and prunes`, fromRegistry],
      [`${manager} refuses a lock file that is out of step, and says what to do`, fromRegistry],
    ]),
  ),
  'engines.node is what an app runs on, also after a rollback': fromRegistry,
  python: 'It deploys an app in Python, which a bare machine does not have.',
  'an app in another language takes the socket by the protocol of systemd':
    'It deploys an app in Python, which a bare machine does not have.',
  'a Flask app is deployed twice under load, rolled back, scaled, and loses nothing':
    "It makes wheels of Debian's packages.",
  'a PHP page is deployed twice under load, rolled back, scaled, and loses nothing':
    "It runs Debian's PHP.",
  ...Object.fromEntries(
    [
      'an environment works where the release is, and is of its own',
      'unchanged requirements install nothing, and share files; others are installed',
      'what install commands add works in the release, and changes no cache',
      'a project that is no package gets its dependencies',
      'the app itself is installed as the package that it is',
      'a failure of pip says what to do',
      'another Python is chosen by its files, or missed by name',
    ].map((test) => [test, 'It needs Python with venv, which a bare machine does not have.']),
  ),
}
