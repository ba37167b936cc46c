/**
 * The keys that certificate authorities know us by, one account per directory URL. Kept for good: a
 * lost key is a lost account, with its rate limits and its external binding.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readPersisted } from '../../durable/read-persisted.ts'
import { writeFileDurably } from '../../durable/write-file-durably.ts'
import { makeKey, renderKey } from '../x509/make-certificate.ts'
import type { AcmeSession, NewAccount } from './acme-session.ts'

interface Account {
  readonly keyPem: string
  /** The account's URL; null until the server has given one. */
  readonly url: string | null
  /** With which it was made: another one is told to the server. */
  readonly email: string
}

interface AccountFile {
  readonly schema: 1
  readonly accounts: Readonly<Record<string, Account>>
}

/**
 * The key for an authority; made and written at the first time.
 *
 * @throws {AppError} `data-damaged`, `data-newer`, `disk-full`
 */
export async function accountKey(path: string, directoryUrl: string): Promise<KeyObject> {
  const file = await readAccounts(path)
  const known = file.accounts[directoryUrl]
  if (known) return createPrivateKey(known.keyPem)
  const key = makeKey()
  await writeAccount(path, directoryUrl, { keyPem: renderKey(key), url: null, email: '' })
  return key
}

/** Gives the session its account: the one that is known, else a new one. */
export async function enterAccount(
  path: string,
  options: { directoryUrl: string; session: AcmeSession; account: NewAccount },
): Promise<void> {
  const { directoryUrl, session, account } = options
  const known = (await readAccounts(path)).accounts[directoryUrl]
  if (known?.url && known.email === account.email) {
    session.account = known.url
    return
  }
  const url = await session.openAccount(account)
  if (known && url === known.url) await session.post(url, { contact: [`mailto:${account.email}`] })
  if (known) await writeAccount(path, directoryUrl, { ...known, url, email: account.email })
}

/** The server does not know the account any more: the next order makes it again. */
export async function forgetAccountUrl(path: string, directoryUrl: string): Promise<void> {
  const known = (await readAccounts(path)).accounts[directoryUrl]
  if (known) await writeAccount(path, directoryUrl, { ...known, url: null })
}

async function writeAccount(path: string, directoryUrl: string, account: Account): Promise<void> {
  const { accounts } = await readAccounts(path)
  const file: AccountFile = { schema: 1, accounts: { ...accounts, [directoryUrl]: account } }
  await writeFileDurably(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
}

async function readAccounts(path: string): Promise<AccountFile> {
  const file = await readPersisted(path, { schema: 1, isRight: isAccountFile })
  return file ?? { schema: 1, accounts: {} }
}

function isAccountFile(value: object): value is AccountFile {
  return 'accounts' in value && typeof value.accounts === 'object' && value.accounts !== null
}
