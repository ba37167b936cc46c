/** Answers the routes of apps, their formation, config and releases. */
import { parseAppName } from '../../model/ids.ts'
import type { Deploy } from '../../model/release.ts'
import type { ApiContext } from '../api-context.ts'
import type { ApiRequest, Handlers } from '../http/api-request.ts'
import { finishDeploy } from './finish-deploy.ts'
import { renderApp, renderRelease } from './render-resources.ts'

type AppRoute =
  | 'apps.list'
  | 'apps.get'
  | 'apps.destroy'
  | 'apps.instances'
  | 'apps.restart'
  | 'apps.start'
  | 'apps.stop'
  | 'formation.scale'
  | 'config.get'
  | 'config.set'
  | 'releases.list'

type Changing = ApiRequest<'apps.restart' | 'apps.start' | 'apps.stop'>

export function appHandlers(context: ApiContext): Pick<Handlers, AppRoute> {
  const { engine, settings } = context
  const { httpPort } = settings
  const finish = (deploy: Deploy, request: Changing): Promise<Deploy> =>
    finishDeploy(engine, deploy, { wait: request.query.wait, signal: request.signal })
  return {
    'apps.list': async () => (await engine.apps()).map((view) => renderApp(view, httpPort)),
    'apps.get': async ({ params }) =>
      renderApp(await engine.app(parseAppName(params.name)), httpPort),
    'apps.destroy': async ({ params }) => {
      await engine.destroy(parseAppName(params.name))
      return undefined
    },
    'apps.instances': async ({ params }) => (await engine.app(parseAppName(params.name))).instances,
    'apps.restart': async (request) =>
      finish(await engine.restart(parseAppName(request.params.name)), request),
    'apps.start': async (request) =>
      finish(await engine.start(parseAppName(request.params.name)), request),
    'apps.stop': async (request) =>
      finish(await engine.stop(parseAppName(request.params.name)), request),
    'formation.scale': async ({ params, body, query, signal }) => {
      const deploy = await engine.scale(parseAppName(params.name), body)
      return finishDeploy(engine, deploy, { wait: query.wait, signal })
    },
    'config.get': async ({ params }) => {
      const { app, current } = await engine.app(parseAppName(params.name))
      return {
        release: current?.number ?? null,
        config: current?.config ?? {},
        staged: app.stagedConfig,
      }
    },
    'config.set': async ({ params, body, query, signal }) => {
      const stage = body.stage ?? false
      const deploy = await engine.setConfig(parseAppName(params.name), body.changes, { stage })
      const { wait } = query
      return { deploy: deploy && (await finishDeploy(engine, deploy, { wait, signal })) }
    },
    'releases.list': async ({ params }) => {
      const releases = await engine.releases(parseAppName(params.name))
      return releases.toSorted((a, b) => b.number - a.number).map(renderRelease)
    },
  }
}
