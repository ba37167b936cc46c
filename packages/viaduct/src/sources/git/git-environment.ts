/**
 * The environment that git runs in, made from nothing: no questions, no hooks, no config of the
 * machine or of a home directory, no protocol but those that a repository may have.
 */

/** Where a repository is fetched to; all of it the app user's own. */
export interface GitPlaces {
  /** The app's clone, kept from deploy to deploy. */
  readonly clone: string
  /** The archive that a fetch ends with. */
  readonly archive: string
  /** Private key for ssh; it need not be there. */
  readonly deployKey: string
  /** Servers whose keys were seen. */
  readonly knownHosts: string
}

/** Git's own helpers such as `ext` and `fd` run commands; `file` reads what is on this machine. */
export const protocols = ['https', 'http', 'ssh', 'git'] as const

/** Each as git reads it from `GIT_CONFIG_KEY_N`: stronger than a clone's own config. */
const settings: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'credential.helper': '',
  'gc.autoDetach': 'false',
  'gc.pruneExpire': '1.hour.ago',
  'core.logAllRefUpdates': 'false',
  'advice.detachedHead': 'false',
  'protocol.version': '2',
  'submodule.recurse': 'false',
  // A server that sends less than a byte a second for a minute has gone.
  'http.lowSpeedLimit': '1',
  'http.lowSpeedTime': '60',
}

/** The app may have to go through a proxy to reach the world, and git with it. */
const proxyVariables = /^(https?_proxy|no_proxy|all_proxy)$/i

/** The key is the app's own; a server's key is believed at the first meeting, then compared. */
const sshCommand =
  'ssh -F /dev/null -i "$FETCH_KEY" -o IdentitiesOnly=yes -o BatchMode=yes ' +
  '-o ConnectTimeout=20 -o StrictHostKeyChecking=accept-new ' +
  '-o UserKnownHostsFile="$FETCH_KNOWN_HOSTS"'

/** @param config The app's: its proxy variables are taken over, nothing else. */
export function gitEnvironment(
  { deployKey, knownHosts }: GitPlaces,
  options: { readonly home: string; readonly config: Readonly<Record<string, string>> },
): Readonly<Record<string, string>> {
  const entries = Object.entries(settings)
  const pairs = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  const proxies = Object.entries(options.config).filter(([name]) => proxyVariables.test(name))
  return {
    ...Object.fromEntries(proxies),
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: options.home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(pairs),
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_SSH_COMMAND: sshCommand,
    FETCH_KEY: deployKey,
    FETCH_KNOWN_HOSTS: knownHosts,
  }
}
