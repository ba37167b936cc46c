/** What the handlers of the API work with. */
import type { CertificateBook } from '../certs/open-certificates.ts'
import type { ConfigDirectory } from '../engine/config-directory/open-config-directory.ts'
import type { Engine } from '../engine/engine.ts'
import type { DataLayout } from '../model/layout.ts'
import type { Settings } from '../settings/settings.ts'
import type { TokenBook } from './tokens/token-book.ts'

export interface ApiContext {
  readonly engine: Engine
  readonly certs: CertificateBook
  /** null: there is none. */
  readonly directory: ConfigDirectory | null
  readonly settings: Settings
  readonly layout: DataLayout
  readonly book: TokenBook
  /** Of the platform. */
  readonly version: string
}
