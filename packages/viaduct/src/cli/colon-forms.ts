/**
 * What fingers type that know Heroku: `config:set`, `ps:scale`, `apps:destroy`. Each is another
 * spelling of a command of ours; it is not shown in the help. Pure.
 */
const forms: Readonly<Record<string, readonly string[]>> = {
  'apps:destroy': ['destroy'],
  'apps:open': ['open'],
  'auth:login': ['login'],
  'config:get': ['config', 'get'],
  'config:import': ['config', 'import'],
  'config:set': ['config', 'set'],
  'config:unset': ['config', 'unset'],
  'domains:add': ['domains', 'add'],
  'domains:remove': ['domains', 'remove'],
  'maintenance:off': ['maintenance', 'off'],
  'maintenance:on': ['maintenance', 'on'],
  'ps:restart': ['restart'],
  'ps:scale': ['scale'],
  'ps:start': ['start'],
  'ps:stop': ['stop'],
  'releases:rollback': ['rollback'],
}

/** @returns A new array; words that are no such form stay as they are. */
export function splitColonForm(argv: readonly string[]): string[] {
  const [first, ...rest] = argv
  if (first === undefined) return []
  return Object.hasOwn(forms, first) ? [...forms[first]!, ...rest] : [...argv]
}
