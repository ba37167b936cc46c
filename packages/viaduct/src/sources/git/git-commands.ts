/**
 * The shell lines that fetch a repository. Constant text: what a user wrote comes in by the
 * environment, always quoted, and after `--` where git could take it for an option.
 */
import type { GitPlaces } from './git-environment.ts'

/** Shows `ref: refs/heads/NAME\tHEAD`, then a commit and its ref per line. */
export const listRef = 'exec git ls-remote --symref -- "$FETCH_URL" HEAD "$FETCH_REF"'

/** Shows every branch; only to say which there are. */
export const listBranches = 'exec git ls-remote --heads -- "$FETCH_URL"'

/** Blocks of `ulimit -f` have 512 bytes: no pack may be larger than an upload. */
const limited = 'umask 077; ulimit -f "$FETCH_MAX_BLOCKS" || exit 1'

const fetch =
  'git fetch --quiet --depth 1 --no-tags --force --no-recurse-submodules -- "$FETCH_URL"'

/**
 * Brings the commit into the app's clone; of what is there already nothing is fetched again, and a
 * ref that was moved back or rewritten is followed. When the ref has moved on meanwhile, the server
 * is asked for the commit itself. Shows the commit.
 */
export const fetchRef = [
  limited,
  'test -d "$FETCH_CLONE/.git" || git init --quiet "$FETCH_CLONE" || exit 1',
  'cd "$FETCH_CLONE" || exit 1',
  'there() { git cat-file -e "$FETCH_COMMIT^{commit}" 2>/dev/null; }',
  `there || ${fetch} "+$FETCH_REF:refs/viaduct/wanted" || exit`,
  `there || ${fetch} "+$FETCH_COMMIT:refs/viaduct/wanted" || exit`,
  'exec git rev-parse --verify "$FETCH_COMMIT^{commit}"',
].join('\n')

/**
 * Shows how many entries the commit has and how many bytes their files take: what a small pack
 * can grow to is known before any of it is written.
 */
export const measureTree = [
  'cd "$FETCH_CLONE" || exit 1',
  'git ls-tree -r -t -l "$FETCH_COMMIT" | head -n "$FETCH_MAX_LINES" | ' +
    `awk '{ entries += 1; bytes += $4 } END { printf "tree %d %.0f\\n", entries, bytes }'`,
].join('\n')

/** Writes the commit's files, with those of its submodules, to one archive. */
export const archiveTree = [
  limited,
  'cd "$FETCH_CLONE" || exit 1',
  'git checkout --quiet --force --detach "$FETCH_COMMIT" -- || exit',
  'git clean -ffdxq || exit',
  'if test -f .gitmodules; then',
  '  git config --local remote.origin.url "$FETCH_URL" || exit',
  '  git submodule --quiet sync --recursive || exit',
  '  git submodule --quiet update --init --recursive --force --depth 1 || exit',
  'fi',
  'rm -f -- "$FETCH_ARCHIVE"',
  'exec tar -czf "$FETCH_ARCHIVE" --exclude=.git .',
].join('\n')

/** A clone that is of no use any more, e.g. of a fetch that was killed. */
export const removeClone = 'exec rm -rf -- "$FETCH_CLONE" "$FETCH_ARCHIVE"'

/** Values of the variables above. */
export function commandVariables(values: {
  readonly url: string
  readonly ref: string
  readonly commit: string
  readonly places: GitPlaces
  readonly maxBytes: number
  readonly maxEntries: number
}): Readonly<Record<string, string>> {
  return {
    FETCH_URL: values.url,
    FETCH_REF: values.ref,
    FETCH_COMMIT: values.commit,
    FETCH_CLONE: values.places.clone,
    FETCH_ARCHIVE: values.places.archive,
    FETCH_MAX_BLOCKS: String(Math.ceil(values.maxBytes / 512)),
    FETCH_MAX_LINES: String(values.maxEntries + 1),
  }
}
