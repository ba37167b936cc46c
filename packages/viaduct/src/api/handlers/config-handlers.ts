/** Answers the routes of config groups, and of where variables come from. */
import { parseAppName } from '../../model/ids.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'

type ConfigRoute = 'config.explain' | Extract<keyof Handlers, `groups.${string}`>

export function configHandlers({ engine }: ApiContext): Pick<Handlers, ConfigRoute> {
  return {
    'config.explain': async ({ params, query: { key, show = false } }) => {
      const { release, variables } = await engine.explainConfig(parseAppName(params.name))
      const asked = variables.filter((variable) => key === undefined || variable.key === key)
      return {
        release,
        variables: asked.map((variable) => ({
          key: variable.key,
          layers: variable.layers.map(({ layer, from, value }) => {
            return { layer, from, value: show ? value : null }
          }),
        })),
      }
    },
    'groups.list': async () => {
      const groups = await engine.configGroups()
      return groups.map(({ name, config, apps }) => {
        return { name, keys: Object.keys(config).toSorted(), apps }
      })
    },
    'groups.get': async ({ params }) => renderGroup(await engine.configGroup(params.group)),
    'groups.change': async ({ params, body: { changes, bind, unbind, stage } }) => {
      const { group, results } = await engine.changeConfigGroup(params.group, {
        ...(changes && { changes }),
        ...(bind && { bind: bind.map(parseAppName) }),
        ...(unbind && { unbind: unbind.map(parseAppName) }),
        ...(stage !== undefined && { stage }),
      })
      return { group: renderGroup(group), results }
    },
    'groups.destroy': async ({ params }) => {
      await engine.destroyConfigGroup(params.group)
      return undefined
    },
  }
}

type Group = Awaited<ReturnType<ApiContext['engine']['configGroup']>>

function renderGroup({ name, config, apps, changedAt }: Group) {
  return { name, config, apps, changedAt }
}
