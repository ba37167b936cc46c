/**
 * Every limit and default, with its unit in the name and its reason beside it.
 * A wait without a limit here is a bug.
 */

/**
 * An app gets this long from its start until it is ready; JVMs and cold caches take tens of
 * seconds.
 */
export const readyTimeoutMs = 60_000
/** Requests in flight get this long after the proxies stopped sending new ones. */
export const drainTimeoutMs = 30_000
/** From SIGTERM to SIGKILL. */
export const stopTimeoutMs = 10_000
/** A process without a port is ready when it has been alive this long. */
export const minUptimeMs = 1_000
/** A request waits this long for an instance that is expected. */
export const holdTimeoutMs = 10_000
/** Held requests per app and proxy worker; each holds a socket and its head. */
export const holdMaxRequests = 1_000
/** A drained release stays ready to be swapped back this long. */
export const warmMs = 600_000
/** Releases per app that are kept warm: memory is what limits it. */
export const warmReleases = 1
/** Releases per app that stay on disk. */
export const releasesKept = 5
/** First wait before a crashed instance is started again; doubles each time. */
export const restartBackoffMs = 1_000
export const restartBackoffMaxMs = 60_000
/** This many crashes within the window make the app `crash-looping`. */
export const crashLoopCrashes = 10
export const crashLoopWindowMs = 600_000
/** Instances of one process type; a typing mistake must not start a thousand processes. */
export const instancesPerTypeMax = 100
/** Below the kernel's ephemeral range (32768…), so that no client socket takes one. */
export const instancePortMin = 20_000
export const instancePortMax = 29_999
/** As root each app gets a uid of its own from here: a range that Debian policy reserves. */
export const appUidMin = 58_000
export const appUidMax = 59_999
/** Compressed bytes of one upload. */
export const uploadMaxBytes = 512 * 1024 * 1024
/** A client that sends nothing of its upload for this long has left. */
export const uploadIdleTimeoutMs = 60_000
/** Unpacked bytes, entries and ratio of one upload: what a bomb exceeds first. */
export const unpackedMaxBytes = 2 * 1024 * 1024 * 1024
export const unpackedMaxEntries = 200_000
export const unpackedMaxRatio = 200
/** The ratio counts from here on: a small file of zeros is no bomb. */
export const unpackedRatioFromBytes = 16 * 1024 * 1024
/** Procfile, viaduct.json and package.json are read whole, up to this size. */
export const appFileMaxBytes = 1024 * 1024
/** Lock files of large apps have tens of megabytes. */
export const lockFileMaxBytes = 64 * 1024 * 1024
/** Lines of a Procfile; each is at least one process. */
export const processTypesMax = 50
/** Characters of a shell line in a manifest: the kernel takes 128 KiB as one argument. */
export const commandMaxChars = 16 * 1024
/** Shell lines that prepare a release; more is a script. */
export const installCommandsMax = 50
/** Packages of the system that one app asks for. */
export const packagesMax = 200
/** Folders whose files are served; each is looked into for each file. */
export const staticFoldersMax = 20
/** Cron jobs of one app. */
export const cronJobsMax = 100
/** A cron job that runs longer than this is stopped, when its manifest says nothing. */
export const cronTimeoutMs = 3_600_000
/** Nodes that one app is bound to. */
export const placementNodesMax = 100
/** Characters of the address of a repository. */
export const repoUrlMaxChars = 2_000
/** Mistakes of one file that are told at once: a screenful. */
export const findingsMax = 50
/** Installed dependency trees that are kept per app, the least recently used go first. */
export const dependencyCachesKept = 3
/** A tool of the machine is asked for its version: tenths of a second, but for a cold disk. */
export const toolQuestionTimeoutMs = 15_000
/** npm is asked once for its settings; a cold start of it takes seconds. */
export const npmQuestionTimeoutMs = 30_000
/** Node.js has 120 MB; on a slow line that takes minutes. */
export const toolInstallTimeoutMs = 10 * 60_000
/** All versions of a package, as npm lists them: a thousand have 20 kB. */
export const toolAnswerMaxBytes = 16 * 1024 * 1024
/** A new version of a tool is noticed after a day at the latest; deploys between ask nobody. */
export const toolVersionsMaxAgeMs = 24 * 3_600_000
/** Lines of a failed build that the error carries: a screenful, with the cause in it. */
export const buildErrorLines = 20
/** One install or build command. */
export const buildTimeoutMs = 15 * 60_000
/** One task of a deploy, such as a migration of a database. */
export const taskTimeoutMs = 30 * 60_000
/** Files that a build looks at in one go, each for ten microseconds; then others have a turn. */
export const filesPerTurn = 100
/** A disk that takes longer to write all it has been given is asked for the one tree alone. */
export const treeSyncTimeoutMs = 10_000
/** Lines of a command that are told to who watches it, per window; a person reads none of more. */
export const outputLinesPerWindow = 200
export const outputWindowMs = 250
/** Lines of output among the events of one deploy; all of them are in its install log. */
export const buildEventLinesMax = 5_000
/** A log file is rotated at this size; this many old ones are kept per release. */
export const logFileMaxBytes = 10 * 1024 * 1024
export const logFilesKept = 4
/** Logs of daemon and proxies are looked at this often: one that fails in a loop writes much. */
export const platformLogCheckMs = 1_000
/** A longer line is cut into several, each with its own stamp. */
export const logLineMaxBytes = 16 * 1024
/** After the exit a grandchild may hold the output open; this long is waited for its EOF. */
export const logDrainMs = 2_000
/**
 * An exit is told with its last lines in the log, but not later than this after all of it is gone.
 */
export const exitOutputMs = 500
/** Log lines waiting for the disk; above it the keeper stops reading the app's pipe. */
export const logQueueMaxBytes = 4 * 1024 * 1024
/** A reader looks for at most this many rotated files. */
export const logFilesMax = 1_000
/** A follower of a log looks for new lines this often: a person reads along. */
export const logFollowPollMs = 100
/**
 * SIGKILL takes effect at once, but for a process in uninterruptible sleep: then this is waited.
 */
export const killTimeoutMs = 5_000
/** Death of a process that is not our child, and of strays, is looked for this often. */
export const deathPollMs = 500
/** The same while somebody waits for it. */
export const stopPollMs = 20
/** A spawned shim runs within milliseconds; on a machine that swaps it may take seconds. */
export const spawnTimeoutMs = 10_000
/** mkfifo and flock take milliseconds; on a machine that swaps it may take seconds. */
export const helperTimeoutMs = 10_000
/** A daemon or proxy that died is started again after this, doubled each time. */
export const platformBackoffMs = 100
export const platformBackoffMaxMs = 5_000
/** One that lived this long starts over with the first wait. */
export const platformSettledMs = 10_000
/** From SIGTERM to SIGKILL of the daemon when the keeper stops. */
export const daemonStopMs = 10_000
/** A second Ctrl-C counts after this; `npm start` passes each on to a keeper that has had it. */
export const secondSignalMs = 500
/** A proxy hands its sockets back in 0.1 s; one that hangs must not hold up the start for long. */
export const handbackTimeoutMs = 3_000
/** One line of the protocols between keeper, daemon and proxy. */
export const wireLineMaxBytes = 16 * 1024 * 1024
/** A call to keeper or proxy that has no answer by then has failed. */
export const wireCallTimeoutMs = 10_000
/** A deploy queue per app: the newest wins, so more than one waiting is never needed. */
export const mailboxMaxEvents = 1_000
/** One value of the store: a release with all its config fits many times; NATS allows 1 MB. */
export const storeValueMaxBytes = 512 * 1024
export const storeKeyMaxBytes = 200
/** A daemon that is just being killed gives its database up within this; opening waits for it. */
export const storeOpenTimeoutMs = 5_000
/** A JSON body of the API: config with certificates in it fits, a flood does not. */
export const jsonBodyMaxBytes = 1024 * 1024
/**
 * `?wait=` answers by then, whatever the deploy does: longer than its build and its start may take.
 */
export const deployWaitMaxMs = 30 * 60_000
/** A stream that says nothing gets a sign of life this often; proxies cut silent ones at 60 s. */
export const streamHeartbeatMs = 15_000
/** A client follows a deploy through restarts of the daemon; this long without one it gives up. */
export const streamReconnectMaxMs = 60_000
/** Linux gives one environment string 128 KiB, key included. */
export const configValueMaxBytes = 127 * 1024
export const configKeysMax = 500
/** Config groups of one platform, and of one app: all of an app's are in each of its releases. */
export const configGroupsMax = 100
export const configGroupsPerAppMax = 20
/** A `.env` of a tree is kept with each release, whose record has `storeValueMaxBytes`. */
export const dotenvMaxBytes = 128 * 1024
/** All values of a `.env`: the kernel gives arguments and environment 2 MB together. */
export const dotenvExpandedMaxBytes = 1024 * 1024
/** `${A:-${B:-…}}`: nobody reads more. */
export const dotenvDefaultsMaxDepth = 10
/** Lines of a log in one answer. */
export const logLinesMax = 100_000
/** Tokens that are not revoked: each request is compared with every one. */
export const tokensMax = 200
export const tokenNameMax = 80
/** A call of the API that has no answer by then: destroying an app drains and stops first. */
export const clientCallTimeoutMs = 120_000
/** Readiness is asked for often while an app usually boots (45 to 80 ms), seldom later. */
export const probeIntervals = [
  { untilMs: 1_000, everyMs: 5 },
  { untilMs: 5_000, everyMs: 25 },
] as const
export const probeIntervalMaxMs = 100
/** A connect on the same machine is answered at once, or its queue is full. */
export const probeConnectTimeoutMs = 1_000
/** One health request, when the manifest does not say. */
export const healthTimeoutMs = 5_000
/** Runs of equal readiness attempts that a report shows; an app that flaps makes thousands. */
export const readinessRunsMax = 20
/** An attempt that the end of the waiting cut off counts as `timed out` from here on. */
export const cutAttemptMinMs = 200
/** Who follows a log sees the lines of a new release this much later at most. */
export const logReleasesPollMs = 500
/** First wait before the daemon connects again to a keeper or proxy that went away; doubles. */
export const linkBackoffMs = 20
export const linkBackoffMaxMs = 1_000
/** A call waits this long for a keeper that is being restarted. */
export const linkWaitMs = 30_000
/** A proxy that lives but does not acknowledge new routes holds a swap up no longer than this. */
export const proxyAckTimeoutMs = 10_000
/**
 * A stop or a drain that has not been answered this long after its own limit never will be:
 * SIGKILL, the search for strays and the last of the output are done by then.
 */
export const answerMarginMs = 20_000
/** New routes that take longer than this until every proxy has them are worth a line in the log. */
export const routesSlowMs = 1_000
/** Below this much available memory nothing stays warm: an app that serves needs it more. */
export const warmMemoryFreeBytes = 96 * 1024 * 1024
/** How often the available memory is looked at. */
export const memoryCheckMs = 5_000
/** How often instances with a memory limit are looked at: some tens of microseconds each. */
export const memoryLimitCheckMs = 5_000
/** An app that leaks at once is restarted no more often than this. */
export const memoryReplaceMinMs = 60_000
/** How often the engine compares its instances with the keeper's, though nothing happened. */
export const reconcileMs = 15_000
/** A step that failed for a reason outside (disk, keeper) is tried again after this. */
export const planRetryMs = 1_000
/** Events of a deploy are written together, at the latest this long after they happened. */
export const eventFlushMs = 100
/** Finished deploys per app that are remembered, with their events. */
export const deploysKept = 100
/** Requests of the API that are running when the daemon stops get this long. */
export const apiCloseTimeoutMs = 2_000
/** A refused upload is read on this long, so that its client sees the answer and not a reset. */
export const unreadBodyLingerMs = 1_000
/** A JSON body is complete by then: nobody types it by hand. */
export const jsonBodyTimeoutMs = 30_000
/** A diagnosis looks at this much of an app that forks or opens without end. */
export const diagnosePidsMax = 200
export const diagnoseFdsMax = 10_000
export const diagnoseLogLines = 20
export const diagnoseLogTimeoutMs = 1_000
/**
 * Reads of `/proc` at a time: `smaps_rollup` of a large process takes a thread for milliseconds.
 */
export const statsParallelReads = 8
/** Starts of one slot that may meet a port which was taken in the last moment. */
export const portConflictsMax = 5
/** Messages that wait for a peer which does not read; four of the longest. */
export const wireBacklogMaxBytes = 64 * 1024 * 1024
/** Connections to one instance's message bus: its processes, and those of a master in it. */
export const busConnectionsMax = 64
/** One message of an app. Those about its state have 50. */
export const busLineMaxBytes = 64 * 1024
/** Of one instance; it has some four to say in its life, but a program may send its own. */
export const busMessagesPerS = 1_000
export const busBurstMax = 5_000
/** An app that is cut off again and again is a line in the log this often. */
export const busComplaintMs = 60_000
/** Neither end of a body moves for this long. */
export const idleBodyTimeoutMs = 300_000
/** Requests per app and worker that wait because its instances have all they may have. */
export const queueMax = 1_000
/** A request that waited longer for its turn has a client that is about to give up. */
export const queueTimeoutMs = 10_000
/** An instance that fails so often in a row (refuses, resets, garbles) gets nothing for a while. */
export const ejectAfterFailures = 5
/** The first time; doubles each time, so that a dead one is asked seldom. */
export const ejectForMs = 10_000
export const ejectForMaxMs = 60_000
/** A head is complete this long after its first byte, or its connection is closed. */
export const headTimeoutMs = 30_000
/**
 * Upper limits of the buckets that latencies are counted in for `/metrics`: those that Prometheus'
 * own libraries begin with, down to what a small answer takes and up to what a slow one may.
 */
export const latencyBucketsMs: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]
/** For the answer of an app that accepts on a port itself; its event loop may be busy. */
export const directAnswerMs = 5_000
/** Ports of apps' own in all: each is a descriptor of the keeper and of every proxy. */
export const ownPortsMax = 100
/** An idle client connection of a worker that leaves gets this long for one more request. */
export const leaveIdleMs = 1_000
export const listenBacklog = 4_096
/** Out of memory, the kernel ends builds and instances before the platform. -1000 to 1000. */
export const appOomScore = 200
/** Characters and segments of a route's path: what is looked up for each request. */
export const routePathMaxChars = 255
export const routePathSegmentsMax = 16
/** Ways to one app; more is a list that somebody generates. */
export const routesPerAppMax = 200
/** Of a regular expression on host names; steps are instructions of its program. */
export const hostRegexpMaxChars = 200
export const hostRegexpMaxSteps = 200
/** Each is tried for every name that is not known, about a microsecond each. */
export const hostRegexpsPerAppMax = 10
export const hostRegexpsMax = 100
/** `routes.json` is written anew when its changes have grown to the table's size, or this. */
export const routeJournalMinBytes = 64 * 1024
/** Of one app's options; each is compared with every request's client. */
export const networksMax = 500
export const basicUsersMax = 100
/** HTML that the platform answers with itself, for one status or in maintenance. */
export const errorPageMaxChars = 64 * 1024
/** One request to a certificate authority; they are slow when many renew. */
export const acmeRequestTimeoutMs = 30_000
/** A chain of certificates has some kilobytes. */
export const acmeAnswerMaxBytes = 256 * 1024
/** Refused nonces per request: a server that refuses more of them will never be content. */
export const acmeBadNonceMax = 10
/** An order or authorization in progress is asked after this often, doubled each time. */
export const acmePollMs = 250
export const acmePollMaxMs = 10_000
/** From the order to the certificate: validation takes seconds, a busy authority minutes. */
export const acmeOrderTimeoutMs = 5 * 60_000
/** Orders of different domains at a time. */
export const acmeOrdersMax = 4
/**
 * First wait after an order that failed; doubles each time. Five in the first hour, which is what
 * Let's Encrypt allows per host name.
 */
export const acmeBackoffMs = 120_000
export const acmeBackoffMaxMs = 12 * 3_600_000
/** The certificate that answers a TLS-ALPN-01 challenge is valid this long before and after now. */
export const challengeLifetimeMs = 86_400_000
/** Renewal comes up to this part of the lifetime earlier, so that not all come at once. */
export const renewalJitter = 0.05
/** Lifetime of the certificate that unknown names get; browsers refuse it anyway. */
export const selfSignedLifetimeMs = 365 * 86_400_000
/** A new ticket key: whoever gets one reads no sessions older than this. */
export const ticketKeyLifetimeMs = 12 * 3_600_000
/** Certificates of one platform: a snapshot with all of them must fit into one message. */
export const certificatesMax = 2_000
/** A chain with its key, as given: RSA with several intermediates has ten kilobytes. */
export const certificatePemMaxBytes = 64 * 1024
/** Smaller RSA keys are refused by clients. */
export const rsaKeyMinBits = 2048
/** The clock may be set, and Node.js has no timer beyond 24 days: renewals are looked at again. */
export const certificateCheckMs = 3_600_000
/** When clients of an app in maintenance should come again, if nobody says. */
export const maintenanceRetryAfterS = 120
/** A repository that answers at all tells its branches within seconds. */
export const repoListTimeoutMs = 60_000
/** One fetch of a repository: its first may be of hundreds of megabytes. */
export const repoFetchTimeoutMs = 10 * 60_000
/** Lines of git that an error carries. */
export const gitLinesKept = 50
/** A request that comes again within this, with the same Idempotency-Key, changes nothing more. */
export const requestKeyLifetimeMs = 24 * 3_600_000
export const requestKeyMaxChars = 255
/** New lines that wait for one reader of a log; a slower one reads them from the file again. */
export const logTailMaxLines = 2_000
/** `/proc` tells an app's pid in 30 µs; an API that is read often shows it this old. */
export const appPidKeptMs = 1_000
/** Files of the configuration directory, each an app: all are read at every look. */
export const appFilesMax = 1_000
/** A change that the kernel does not tell of, such as behind a link, is seen within this. */
export const configDirectoryCheckMs = 10_000
/** After a change of the configuration directory: editors and copies make several at a time. */
export const configDirectorySettleMs = 200
