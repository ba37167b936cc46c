/**
 * Every limit and default, with its unit in the name and its reason beside it.
 * A wait without a limit here is a bug.
 */

/** An app gets this long from its start until it is ready; JVMs and cold caches take tens of seconds. */
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
/** Lines of a Procfile; each is at least one process. */
export const processTypesMax = 50
/** Installed dependency trees that are kept per app, the least recently used go first. */
export const dependencyCachesKept = 3
/** Last lines of a failed build that the error carries. */
export const buildErrorLines = 20
/** One install or build command. */
export const buildTimeoutMs = 15 * 60_000

/** A log file is rotated at this size; this many old ones are kept per release. */
export const logFileMaxBytes = 10 * 1024 * 1024
export const logFilesKept = 4
/** A longer line is cut into several, each with its own stamp. */
export const logLineMaxBytes = 16 * 1024
/** After the exit a grandchild may hold the output open; this long is waited for its EOF. */
export const logDrainMs = 2_000

/** Head of a request or response at the proxy. */
export const headMaxBytes = 32 * 1024
export const headersMax = 128
/** One line of the protocols between keeper, daemon and proxy. */
export const wireLineMaxBytes = 16 * 1024 * 1024
/** A call to keeper or proxy that has no answer by then has failed. */
export const wireCallTimeoutMs = 10_000
/** A deploy queue per app: the newest wins, so more than one waiting is never needed. */
export const mailboxMaxEvents = 1_000
