/**
 * Every error code with its HTTP status, its exit code and the hint that is shown when the place
 * that threw has none of its own. `docs/errors.md` is made from this table.
 *
 * Exit codes: 1 it failed, 2 the command was wrong, 3 not allowed, 4 not found,
 * 5 the server cannot be reached, 6 it conflicts with what is there.
 */
export interface ErrorFacts {
  readonly status: number
  readonly exitCode: number
  readonly hint: string
}

function facts(status: number, exitCode: number, hint = ''): ErrorFacts {
  return { status, exitCode, hint }
}

export const errorCatalogue = {
  'bad-app-name': facts(422, 2),
  'bad-process-type': facts(422, 2),
  'bad-release': facts(422, 2),
  'bad-artifact': facts(422, 2),
  'bad-request': facts(422, 2),
  'bad-json': facts(400, 2, 'Send a JSON document in UTF-8.'),
  'bad-media-type': facts(415, 2),
  'bad-method': facts(405, 2),
  'bad-count': facts(422, 2, 'Counts go from 0 to 100.'),
  'bad-config-key': facts(422, 2, 'Use A-Z, a-z, 0-9 and "_", not a digit first.'),
  'bad-port': facts(422, 2, 'A PORT that is set is the public port of the app: 1 to 65535.'),
  'bad-group-name': facts(
    422,
    2,
    'Use 1 to 40 of a-z, 0-9 and "-", with a letter or digit at both ends.',
  ),
  'bad-setting': facts(422, 2, 'See "viaduct up --help".'),
  'bad-manifest': facts(422, 2, 'See docs/manifest.md.'),
  'bad-repo': facts(422, 2),
  'bad-schedule': facts(422, 2, 'Write five parts such as "30 4 * * mon-fri", or "@daily".'),
  'bad-procfile': facts(422, 2, 'A line is "web: COMMAND".'),
  'bad-dotenv': facts(422, 2, 'A line is KEY=VALUE; quote a value that has spaces or "#".'),
  'bad-domain': facts(422, 2, 'Write a name such as "www.example.org", without scheme and port.'),
  'bad-route': facts(422, 2, 'See docs/routing.md.'),
  'bad-http-option': facts(422, 2, 'See docs/manifest.md#http.'),
  'config-missing': facts(422, 2),
  'bad-certificate': facts(422, 2),
  'no-web-process': facts(422, 2, 'Add a line "web: COMMAND" to Procfile, or scripts.start.'),
  'bad-upload': facts(422, 2, 'Upload a gzipped tar archive of the app folder.'),
  'upload-too-large': facts(413, 2),
  'upload-aborted': facts(400, 1, 'The client left before the upload was complete.'),
  'repo-unreachable': facts(422, 1, 'Check the URL, and that this server can reach it.'),
  'repo-denied': facts(
    422,
    1,
    'Check the URL. Give the key that "viaduct apps key" shows read access to a private one.',
  ),
  'branch-not-found': facts(422, 4),
  'build-failed': facts(422, 1),
  'not-ready': facts(422, 1),
  'crash-looping': facts(409, 1),
  superseded: facts(409, 6, 'A newer deploy of this app took over.'),
  cancelled: facts(409, 1),
  unauthorized: facts(401, 3, 'Log in with "viaduct login".'),
  forbidden: facts(403, 3),
  'not-found': facts(404, 4),
  'app-not-found': facts(404, 4, '"viaduct apps" lists the apps.'),
  'release-not-found': facts(404, 4, '"viaduct releases" lists the releases.'),
  'certificate-not-found': facts(404, 4, '"viaduct certs" lists the certificates.'),
  'group-not-found': facts(404, 4, '"viaduct config group" lists the config groups.'),
  'group-bound': facts(409, 6),
  exists: facts(409, 6),
  'key-reused': facts(409, 6, 'Use a new Idempotency-Key for another request.'),
  'precondition-failed': facts(412, 6, 'Read it again, and change what is there now.'),
  'acme-off': facts(409, 6, 'Start "viaduct up" with --acme-email ADDRESS.'),
  'acme-failed': facts(502, 1),
  'route-taken': facts(409, 6, '"viaduct routes --app NAME" lists the routes of an app.'),
  'no-release': facts(409, 6, 'Deploy the app first.'),
  'no-source': facts(409, 6, 'Set "repo" in its manifest, or deploy a folder.'),
  'no-previous-release': facts(409, 6, 'It takes two deploys. "viaduct releases" lists them.'),
  busy: facts(503, 1, 'Try again in a moment.'),
  'disk-full': facts(507, 1, 'Free space in the data directory, then try again.'),
  'port-taken': facts(409, 6, 'Choose another port, or stop what listens there.'),
  'no-free-port': facts(503, 1, 'Stop some instances: the range is used up.'),
  'already-running': facts(409, 6, 'Use that one, or start another with its own --data DIR.'),
  'data-newer': facts(500, 1, 'Run the Viaduct that wrote this data directory, or a newer one.'),
  'data-damaged': facts(500, 1, 'Restore the file from a backup; nothing was changed.'),
  'node-too-old': facts(500, 1, 'Viaduct needs Node.js 24.20 or newer.'),
  'bad-usage': facts(400, 2, '"viaduct --help" lists the commands.'),
  'insecure-server': facts(400, 2, 'Use https://, or say --insecure if you trust the network.'),
  'bad-answer': facts(502, 1, 'Is it a Viaduct API of this version? See "viaduct version".'),
  'no-server': facts(503, 5, 'Start one with "viaduct up", or say where it is with --to URL.'),
  'daemon-failed': facts(500, 1),
  'keeper-unreachable': facts(503, 1, 'Is "viaduct up" still running?'),
  'spawn-failed': facts(500, 1),
  'revision-conflict': facts(409, 6, 'Somebody else changed it meanwhile. Try again.'),
  internal: facts(500, 1, 'This is a bug in Viaduct. The log of the daemon has more.'),
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof errorCatalogue
