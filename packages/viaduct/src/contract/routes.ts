/**
 * The HTTP API as data: every route by the name that server and client call it by.
 *
 * Rooted at `/applications` as Procserver's API was, whose other routes (`POST /applications`,
 * `PUT /applications/:name`, `redeploy`) fit in beside these.
 */
import { appRoutes } from './routes/app-routes.ts'
import { certificateRoutes } from './routes/certificate-routes.ts'
import { configRoutes } from './routes/config-routes.ts'
import { deployRoutes } from './routes/deploy-routes.ts'
import { directoryRoutes } from './routes/directory-routes.ts'
import { edgeRoutes } from './routes/edge-routes.ts'
import { platformRoutes } from './routes/platform-routes.ts'
import type { Route } from './route.ts'

export const routes = {
  ...platformRoutes,
  ...appRoutes,
  ...configRoutes,
  ...deployRoutes,
  ...edgeRoutes,
  ...certificateRoutes,
  ...directoryRoutes,
}

export type Routes = typeof routes
export type RouteName = keyof Routes

/** Parameters, query, body and answer of a route. */
export type ParamsOf<K extends RouteName> =
  Routes[K] extends Route<infer P, unknown, unknown, unknown> ? P : never
export type QueryOf<K extends RouteName> =
  Routes[K] extends Route<unknown, infer Q, unknown, unknown> ? Q : never
export type BodyOf<K extends RouteName> =
  Routes[K] extends Route<unknown, unknown, infer B, unknown> ? B : never
export type AnswerOf<K extends RouteName> =
  Routes[K] extends Route<unknown, unknown, unknown, infer T> ? T : never

/** All routes with their names, for code that treats them alike. */
export const allRoutes = Object.entries(routes) as [
  RouteName,
  Route<unknown, unknown, unknown, unknown>,
][]
