/** Which methods a path has, to say so to who tried another one. */
import { allRoutes } from '../../contract/routes.ts'

/** @param path Of the request, without its query. @returns Empty: there is no such path. */
export function findMethods(path: string): string[] {
  const parts = path.split('/')
  const methods = allRoutes
    .filter(([, route]) => fits(route.path.split('/'), parts))
    .flatMap(([, { method }]) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...new Set(methods)].sort()
}

function fits(wanted: readonly string[], parts: readonly string[]): boolean {
  if (wanted.length !== parts.length) return false
  return wanted.every((part, at) => (part.startsWith(':') ? parts[at] !== '' : part === parts[at]))
}
