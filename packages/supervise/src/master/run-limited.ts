/** Runs the same work several times, with a limit on how many run at one time. */

/**
 * @param width At least 1.
 * @throws What the first one failed with; those that run go on, and no more are begun.
 */
export async function runLimited(
  count: number,
  width: number,
  work: () => Promise<void>,
): Promise<void> {
  let begun = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (begun < count && !failed) {
      begun++
      try {
        await work()
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}
