/**
 * Tests that CI may skip: the name of the test, and why. Anything else that is skipped there is a
 * failure, because a check that silently stopped is worse than none.
 */
export const allowedSkips: Readonly<Record<string, string>> = {
  python: 'It deploys an app in Python, which a bare machine does not have.',
}
