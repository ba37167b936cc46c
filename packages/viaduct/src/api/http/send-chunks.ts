/**
 * Answers with a stream: server-sent events or lines of a log, at the client's pace, with signs of
 * life in between, until the source ends or the client goes.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { streamHeartbeatMs } from '../../model/limits.ts'

/** Text that is sent as it comes; each chunk is whole (an event, a line). */
export interface ChunkStream {
  readonly contentType: string
  readonly chunks: AsyncIterable<string>
  /** What a reader of this type skips; null sends none. */
  readonly heartbeat: string | null
}

/** True for an answer that is a stream rather than a value. */
export function isChunkStream(answer: unknown): answer is ChunkStream {
  return typeof answer === 'object' && answer !== null && 'chunks' in answer
}

/**
 * Resolves when all is sent or the client is gone. The head goes out at once, so that the client
 * knows that it is connected.
 *
 * @throws What the source throws; the connection is then cut, so that no reader takes it for the
 * end.
 */
export async function sendChunks(
  response: ServerResponse,
  stream: ChunkStream,
  signal: AbortSignal,
): Promise<void> {
  let quiet = true
  const timer = setInterval(() => {
    if (quiet && stream.heartbeat !== null) response.write(stream.heartbeat)
    quiet = true
  }, streamHeartbeatMs)
  response.flushHeaders()
  try {
    for await (const chunk of stream.chunks) {
      if (signal.aborted) break
      quiet = false
      if (!response.write(chunk)) await drained(response, signal)
    }
    response.end()
  } catch (error) {
    response.destroy()
    if (!signal.aborted) throw error
  } finally {
    clearInterval(timer)
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
