/** Several streams as one: what comes first goes first. */
const queueMax = 256

/**
 * Merges the streams that `streams` yields, as long as one of them or `streams` itself goes on.
 *
 * What is slow to read slows the sources down. Ending early does not wake a source that waits: the
 * signal that the sources have is for that.
 *
 * @throws The first error of any of them.
 */
export async function* mergeStreams<T>(
  streams: AsyncIterable<AsyncIterable<T>>,
): AsyncGenerator<T, void> {
  const queue: T[] = []
  let running = 0
  let failure: { error: unknown } | null = null
  let ended = false
  let changed = Promise.withResolvers<void>()
  let room = Promise.withResolvers<void>()

  const run = async (work: () => Promise<void>): Promise<void> => {
    running++
    try {
      await work()
    } catch (error) {
      failure ??= { error }
    } finally {
      running--
      changed.resolve()
    }
  }
  const pump = (stream: AsyncIterable<T>) => async () => {
    for await (const item of stream) {
      if (ended) return
      queue.push(item)
      changed.resolve()
      if (queue.length >= queueMax) await room.promise
    }
  }
  void run(async () => {
    for await (const stream of streams) {
      if (ended) return
      void run(pump(stream))
    }
  })
  try {
    for (;;) {
      changed = Promise.withResolvers()
      yield* queue.splice(0)
      room.resolve()
      room = Promise.withResolvers()
      if (queue.length > 0) continue
      if (failure) throw (failure as { error: unknown }).error
      if (running === 0) return
      await changed.promise
    }
  } finally {
    ended = true
    room.resolve()
  }
}
