/** The whole of the lifecycle, for those that import it from outside: states and restart policy. */
export { type InstanceState, mayBecome, nextStates } from './instance-state.ts'
export { type RestartDecision, type RestartPolicy, decideRestart } from './restart-policy.ts'
