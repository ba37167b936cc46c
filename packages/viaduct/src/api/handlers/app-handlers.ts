/** Answers the routes of apps, their formation, config and releases. */
import type { AppResource } from '../../contract/resources.ts'
import type { RequestOptions } from '../../engine/engine.ts'
import { type AppName, parseAppName } from '../../model/ids.ts'
import type { Deploy } from '../../model/release.ts'
import type { ApiContext } from '../api-context.ts'
import type { ApiRequest, Handlers } from '../http/api-request.ts'
import { WithHeaders } from '../http/with-headers.ts'
import { finishDeploy, located } from './finish-deploy.ts'
import { renderTag } from './manifest-tag.ts'
import { renderApp, renderRelease } from './render-resources.ts'

type AppRoute =
  | 'apps.list'
  | 'apps.get'
  | 'apps.redeploy'
  | 'apps.key'
  | 'apps.destroy'
  | 'apps.instances'
  | 'apps.restart'
  | 'apps.start'
  | 'apps.stop'
  | 'formation.scale'
  | 'config.get'
  | 'config.set'
  | 'releases.list'

type Changing = ApiRequest<'apps.restart' | 'apps.start' | 'apps.stop' | 'apps.redeploy'>

export function appHandlers(context: ApiContext): Pick<Handlers, AppRoute> {
  const { engine, settings } = context
  const { httpPort } = settings
  const change =
    (make: (name: AppName, options: RequestOptions) => Promise<Deploy>) =>
    async ({ params, query, mark, signal }: Changing) => {
      const deploy = await make(parseAppName(params.name), { request: mark })
      return located(await finishDeploy(engine, deploy, { wait: query.wait, signal }))
    }
  return {
    'apps.list': async ({ apps }) => {
      const views = (await engine.apps()).filter(({ app }) => apps?.includes(app.name) ?? true)
      return views.map((view) => renderApp(view, httpPort)).toSorted(byName)
    },
    'apps.get': async ({ params }) => {
      const view = await engine.app(parseAppName(params.name))
      return new WithHeaders(renderApp(view, httpPort), { etag: renderTag(view.app) })
    },
    'apps.redeploy': change((name, options) => engine.redeploy(name, options)),
    'apps.key': async ({ params }) => ({
      publicKey: await engine.deployKey(parseAppName(params.name)),
    }),
    'apps.destroy': async ({ params }) => {
      await engine.destroy(parseAppName(params.name))
      return undefined
    },
    'apps.instances': async ({ params }) => (await engine.app(parseAppName(params.name))).instances,
    'apps.restart': change((name, options) => engine.restart(name, options)),
    'apps.start': change((name, options) => engine.start(name, options)),
    'apps.stop': change((name, options) => engine.stop(name, options)),
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

function byName(one: AppResource, other: AppResource): number {
  return one.name < other.name ? -1 : 1
}
