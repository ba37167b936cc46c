/** What `import … from '@viaduct/supervise'` gives, and `require` too. */
export { MessageBus, type MessageBusEvents, type MessageBusOptions } from './bus/message-bus.ts'
export {
  AlreadyInitializedError,
  InappropriateConditionError,
  InvalidArgumentError,
  InvalidClusterContextError,
  InvalidConfigurationError,
  SuperviseError,
  TimeoutError,
  UnexpectedWorkerState,
  WorkerStatusError,
} from './errors/supervise-error.ts'
export { ExitReasons, type WorkerExitReason } from './exit-reasons.ts'
export { Master } from './master/master.ts'
export type { MasterEvents, OperationOptions, WorkerInfo } from './master/master-events.ts'
export {
  type GracefulCloseOptions,
  type GracefulServer,
  gracefulServer,
} from './graceful/graceful-server.ts'
export { MasterFactory } from './master/master-factory.ts'
export type {
  HealthProbe,
  MasterConfig,
  MasterOptions,
  MasterSignals,
  SchedulingPolicy,
} from './master/master-options.ts'
export type { Readiness } from './worker/readiness.ts'
export type { StopOutcome } from './worker/worker.ts'
export { type WorkerStatus, WorkerStatuses } from './worker-statuses.ts'
