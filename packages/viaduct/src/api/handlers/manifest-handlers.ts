/** Answers the routes that take a manifest: make an app, change what an app is told. */
import type { AppView } from '../../engine/engine.ts'
import { readManifest } from '../../engine/requests/set-manifest.ts'
import { parseAppName } from '../../model/ids.ts'
import type { Deploy } from '../../model/release.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'
import { checkApp } from '../http/authorise.ts'
import { WithHeaders } from '../http/with-headers.ts'
import { finishDeploy } from './finish-deploy.ts'
import { readIfMatch, renderTag } from './manifest-tag.ts'
import { renderApp } from './render-resources.ts'

type ManifestRoute = 'apps.create' | 'apps.replace'

export function manifestHandlers({ engine, settings }: ApiContext): Pick<Handlers, ManifestRoute> {
  const answer = (view: AppView, deploy: Deploy | null, headers: Record<string, string> = {}) => {
    const app = renderApp(view, settings.httpPort)
    return new WithHeaders({ app, deploy }, { ...headers, etag: renderTag(view.app) })
  }
  return {
    'apps.create': async ({ body, query, apps, mark, signal }) => {
      const { name, manifest } = readManifest(body, null)
      checkApp(apps, name)
      const made = await engine.create(name, { manifest, request: mark })
      const { wait } = query
      const deploy = made.deploy && (await finishDeploy(engine, made.deploy, { wait, signal }))
      return answer(await engine.app(name), deploy, { location: `/applications/${name}` })
    },
    'apps.replace': async ({ params, body, query, ifMatch, signal }) => {
      const { name, manifest } = readManifest(body, parseAppName(params.name))
      const isExpected = readIfMatch(ifMatch)
      const begun = await engine.setManifest(name, manifest, { isExpected })
      const { wait } = query
      const deploy = begun && (await finishDeploy(engine, begun, { wait, signal }))
      return answer(await engine.app(name), deploy)
    },
  }
}
