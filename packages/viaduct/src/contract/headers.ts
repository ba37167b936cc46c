/** Header fields of requests that routes take part in, beside those that all do. */
import { requestKeyMaxChars } from '../model/limits.ts'
import { type Schema, string } from './schema.ts'

export const headers = {
  'Idempotency-Key': string({
    ...{ minLength: 1, maxLength: requestKeyMaxChars, pattern: '^[\\x21-\\x7e]+$' },
    description: 'The same key with the same request within a day: what it made is given again',
  }),
  'If-Match': string({
    description: 'The ETag that was read: 412 when the manifest is another one by now',
  }),
  'Last-Event-ID': string({ description: 'Goes on after this event' }),
} as const satisfies Record<string, Schema<string>>

export type HeaderName = keyof typeof headers
