import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  composeEnvironment,
  type EnvironmentInput,
  environmentLayers,
  platformNames,
} from './compose-environment.ts'

const input = {
  nodeDir: '/opt/node/bin',
  releaseDir: '/data/apps/hello/artifacts/abc',
  dataDir: '/data/apps/hello/data',
  tmpDir: '/data/apps/hello/tmp',
  manifestEnv: {},
  dotenv: [],
  groups: [],
  config: {},
  instance: {
    id: 'hello.v3.web.2.x7ab',
    app: 'hello',
    release: 3,
    processType: 'web',
    ordinal: 2,
  },
  host: '127.0.0.1',
  port: 20_001,
  commit: 'c0ffee',
  previousCommit: 'beef',
  repo: null,
  branch: null,
  nodeId: 'node-1',
  toolsDir: '/data/tools',
  runtime: { tools: ['node/20.1.0'], path: ['.venv/bin', '/opt/tool'], env: { TOOL: '1' } },
} as unknown as EnvironmentInput

test('an instance gets exactly this environment, and nothing of the platform', () => {
  process.env['VIADUCT_SECRET_OF_THE_PLATFORM'] = '1'
  try {
    assert.deepEqual(composeEnvironment(input), {
      PATH: '/data/tools/node/20.1.0/node_modules/.bin:/opt/node/bin:/data/apps/hello/artifacts/abc/.venv/bin:/opt/tool:/data/apps/hello/artifacts/abc/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/data/apps/hello/data',
      LANG: 'C.UTF-8',
      TMPDIR: '/data/apps/hello/tmp',
      NODE_ENV: 'production',
      TOOL: '1',
      PORT: '20001',
      HOST: '127.0.0.1',
      APP: 'hello',
      RELEASE: 'v3',
      COMMIT: 'c0ffee',
      PREV_COMMIT: 'beef',
      REPO: '',
      BRANCH: '',
      PROCESS_TYPE: 'web',
      PROCESS_ID: 'web.2',
      NODE_ID: 'node-1',
      DRONE_ID: 'node-1',
      DATA_DIR: '/data/apps/hello/data',
      VIADUCT_INSTANCE: 'hello.v3.web.2.x7ab',
    })
  } finally {
    delete process.env['VIADUCT_SECRET_OF_THE_PLATFORM']
  }
})

test('config overrides the manifest, which overrides the base, and nobody overrides PORT', () => {
  const environment = composeEnvironment({
    ...input,
    manifestEnv: { NODE_ENV: 'staging', LANG: 'de_DE.UTF-8', LEVEL: 'info', PORT: '80' },
    config: { LEVEL: 'debug', LANG: 'fr_FR.UTF-8', PORT: '3000', APP: 'other', DATA_DIR: '/' },
  })
  const { NODE_ENV, LANG, LEVEL, PORT, APP, DATA_DIR } = environment
  assert.deepEqual(
    [NODE_ENV, LANG, LEVEL, PORT, APP, DATA_DIR],
    ['staging', 'fr_FR.UTF-8', 'debug', '20001', 'hello', '/data/apps/hello/data'],
  )
})

test('the layer that comes last sets a variable, in every combination of layers', () => {
  const key = fc.constantFrom('A', 'B', 'PATH', 'HOME', 'TOOL', 'PORT', 'DATA_DIR', 'NODE_ENV')
  const variables = fc.dictionary(key, fc.stringMatching(/^[a-z]{0,3}$/), { maxKeys: 8 })
  const groups = fc.array(variables, { maxLength: 3 })
  const base = composeEnvironment(input)
  fc.assert(
    fc.property(variables, variables, groups, variables, (manifestEnv, file, shared, config) => {
      const lines = Object.entries(file).map(([name, value], at) => {
        return { key: name, value, quote: 'none' as const, line: at + 1 }
      })
      const named = shared.map((one, at) => ({ name: `g${at}`, config: one }))
      const wanted = { ...input, manifestEnv, dotenv: lines, groups: named, config }
      const found = composeEnvironment(wanted)
      const asked = new Map(Object.entries(base))
      for (const layer of [manifestEnv, file, ...shared, config]) {
        for (const [name, value] of Object.entries(layer)) {
          if (!(platformNames as readonly string[]).includes(name)) asked.set(name, value)
        }
      }
      assert.deepEqual(found, Object.fromEntries(asked))
    }),
  )
})

test('the platform says what its list of names says, and nothing else', () => {
  const platform = environmentLayers(input).findLast(({ name }) => name === 'platform')
  assert.deepEqual(Object.keys(platform?.variables ?? {}), [...platformNames])
})
