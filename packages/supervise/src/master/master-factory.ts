/** Makes masters from options, which it checks first. */
import { Master } from './master.ts'
import { type MasterOptions, parseMasterOptions } from './master-options.ts'

export const MasterFactory = Object.freeze({
  /**
   * Starts nothing: `start` does.
   *
   * @throws {InvalidConfigurationError} An option is unknown or wrong.
   */
  create(options: MasterOptions = {}): Master {
    return new Master(parseMasterOptions(options))
  },
})
