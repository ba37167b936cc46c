/** Ports that a client assumes when an address names none. */

/** The API of `viaduct up`. */
export const defaultApiPort = 8700
/** The API of trajan, as its client wrote it into `~/.trajan`. */
export const trajanPort = 9002
