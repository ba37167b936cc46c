/**
 * Entry of a short-lived process: sends the sockets it inherited as descriptors 4, 5 … over its IPC
 * channel (descriptor 3), under the names in its arguments, and exits.
 */
import { handbackTimeoutMs } from '../model/limits.ts'
import { type RawHandle, rawHandleOf } from './socket-descriptor.ts'

const firstFd = 4

setTimeout(() => process.exit(1), handbackTimeoutMs).unref()
// The second socket waits for the receipt of the first: keep reading the channel.
process.channel?.ref()
const names = process.argv.slice(2)
for (const [index, name] of names.entries()) {
  await send({ name, names }, rawHandleOf(firstFd + index))
}
process.exit(0)

function send(message: object, handle: RawHandle): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, handle as never, {}, (error) => (error ? reject(error) : resolve()))
  })
}
