/** Answers of one release of an app, by the first digit of their status. */
import type { ReleaseNumber } from '../../model/ids.ts'
import { releasesCountedMax } from '../../model/proxy-limits.ts'
import type { ReleaseCounters } from '../../wire/proxy-protocol.ts'

class ReleaseCounter {
  readonly release: ReleaseNumber | null
  /** Index 1 to 5: 1xx to 5xx; 0: what is no status of HTTP. */
  readonly codes = new Float64Array(6)

  constructor(release: ReleaseNumber | null) {
    this.release = release
  }
}

/** The releases that answered last; an older one is forgotten when there are too many. */
export class ReleaseCounterList {
  #last = new ReleaseCounter(null)
  /** The one that was counted first comes first. */
  readonly #all: ReleaseCounter[] = []

  count(release: ReleaseNumber | null, status: number): void {
    if (this.#last.release !== release || this.#all.length === 0) this.#find(release)
    const first = (status / 100) | 0
    this.#last.codes[first >= 1 && first <= 5 ? first : 0]!++
  }

  #find(release: ReleaseNumber | null): void {
    const known = this.#all.find((each) => each.release === release)
    if (known) {
      this.#last = known
      return
    }
    if (this.#all.length >= releasesCountedMax) this.#all.shift()
    this.#last = new ReleaseCounter(release)
    this.#all.push(this.#last)
  }

  read(): ReleaseCounters[] {
    return this.#all.map(({ release, codes }) => ({ release, codes: [...codes] }))
  }
}
