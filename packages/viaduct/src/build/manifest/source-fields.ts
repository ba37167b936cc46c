/** The fields that say where the code comes from, what it needs, and as whom it runs. */
import { packagesMax, repoUrlMaxChars } from '../../model/limits.ts'
import type { Repo } from '../../model/manifest.ts'
import { parseBranch, parseRepoUrl } from '../../model/manifest/repo-url.ts'
import { described, list, object, parsed, text } from './field.ts'

/** A git repository. */
export const repo = object<Repo>(
  {
    url: described(
      parsed(
        text('an address such as "https://example.org/shop.git"', { maxLength: repoUrlMaxChars }),
        parseRepoUrl,
      ),
      'https, http, ssh, git, or "user@host:path".',
    ),
    branch: described(
      parsed(text('the name of a branch', { maxLength: 200 }), parseBranch),
      "The branch that is deployed; default: the repository's own.",
      { examples: ['main'] },
    ),
  },
  ['url'],
)

const packageName = text('a package such as "libpq-dev" or "ruby=1:3.3"', {
  pattern: '^[a-z0-9][a-z0-9+.-]{1,99}(?:=[A-Za-z0-9][A-Za-z0-9.+~:-]{0,99})?$',
})

/** Of the server. */
export const accountName = text('the name of a user or group, not "root"', {
  pattern: '^(?!root$)[a-z_][a-z0-9_-]{0,31}$',
})

/** Packages of the system, as apt names them. */
export const packages = list(packageName, packagesMax)
