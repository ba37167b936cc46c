/** Says of each variable of the release that serves where it comes from, and what else set it. */
import { environmentLayers, type Layer, type LayerName } from '../../build/compose-environment.ts'
import { AppError } from '../../model/app-error.ts'
import type { InstanceId, ProcessType } from '../../model/ids.ts'
import type { Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { environmentInput } from '../app/instance-environment.ts'

export interface ConfigView {
  readonly release: Release['number']
  /** By name. */
  readonly variables: readonly {
    readonly key: string
    /** Who sets it, the weakest first: the last one wins. */
    readonly layers: readonly SettingLayer[]
  }[]
}

export interface SettingLayer {
  readonly layer: LayerName
  /** A group's name, or `.env:3`; null: the layer says it all. */
  readonly from: string | null
  /** null: another one for each instance. */
  readonly value: string | null
}

/** Those of the platform's that no two instances share. */
const perInstance = new Set(['PORT', 'PROCESS_TYPE', 'PROCESS_ID', 'VIADUCT_INSTANCE'])

/** @throws {AppError} `no-release` */
export function explainConfig({ records, parts }: AppRunner): ConfigView {
  const release = records.release(records.app.current)
  if (release === null) throw new AppError('no-release', `${records.name} has no release yet`)
  const { number, app } = release
  const any = { id: '' as InstanceId, processType: 'web' as ProcessType, ordinal: 1 }
  const about = { instance: { ...any, app, release: number }, port: 0 }
  const layers = environmentLayers(environmentInput(parts, release, about))
  const keys = new Set(layers.flatMap(({ variables }) => Object.keys(variables)))
  const variables = [...keys].toSorted().map((key) => {
    const setting = layers.filter((layer) => Object.hasOwn(layer.variables, key))
    return { key, layers: setting.map((layer) => settingOf(layer, key, release)) }
  })
  return { release: number, variables }
}

function settingOf(layer: Layer, key: string, { dotenv = [] }: Release): SettingLayer {
  const { name, from = null, variables } = layer
  const line = dotenv.findLast((one) => one.key === key)?.line
  return {
    layer: name,
    from: name === 'dotenv' && line !== undefined ? `.env:${line}` : from,
    value: name === 'platform' && perInstance.has(key) ? null : (variables[key] ?? ''),
  }
}
