/** Every limit and default of this library, with its unit and reason. */

/** Milliseconds for a worker to get ready: on a small machine large programs load for ten s. */
export const statusTimeoutMs = 30_000
/** Milliseconds for requests in flight, after the worker was told to stop. Most answer in one. */
export const stopTimeoutMs = 10_000
/** Milliseconds from "quit" to SIGKILL. */
export const quitTimeoutMs = 5_000
/** Milliseconds between two starts in the place of one worker: no busy loop of crashes. */
export const restartTimeoutMs = 2_000
/** Milliseconds for the kernel to end what got SIGKILL; longer is a process in state D. */
export const killTimeoutMs = 5_000
/** Milliseconds that a keep-alive connection may be idle while its server is draining. */
export const idleGraceMs = 500
/** Milliseconds that a process without another sign must live to be ready. */
export const minUptimeMs = 1_000
/** Milliseconds between two looks whether a port, URL or file is there. */
export const readyPollMs = 25
/** Milliseconds for one HTTP answer while waiting for a worker to get ready. */
export const readyRequestMs = 2_000
/** Connections that wait in the master for a worker to be ready; the kernel's queue is as long. */
export const heldConnectionsMax = 512
/** A replacement that a stranger kills while it starts is tried again this often. */
export const killedStartsMax = 20
/** Seconds that workers have to end themselves when their master was killed: a request or two. */
export const orphanKillS = 6
/** The longest time that a timer can take. */
export const timerMaxMs = 2 ** 31 - 1
/** Workers of one master: each is a process of 40 MB. */
export const workersMax = 1024
/** Milliseconds between two looks at the workers' memory. */
export const statsIntervalMs = 5_000
/** Milliseconds for the answer to a request. */
export const requestTimeoutMs = 5_000
/** Characters of one line of output; a longer one is cut into several. */
export const lineMax = 65_536
/** Milliseconds until a worker connects again to a platform that went away; doubles. */
export const reconnectMinMs = 20
export const reconnectMaxMs = 1_000
/** Characters of one message over a socket. */
export const socketLineMax = 1_048_576
