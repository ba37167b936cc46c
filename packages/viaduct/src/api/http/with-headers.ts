/** An answer that has header fields of its own. */
export class WithHeaders<T> {
  readonly value: T
  readonly headers: Readonly<Record<string, string>>

  constructor(value: T, headers: Readonly<Record<string, string>>) {
    this.value = value
    this.headers = headers
  }
}
