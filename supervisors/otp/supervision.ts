/**
 * The exports of `reeve/supervisor`: supervision alone. It needs no node, no broker and no journal,
 * only XState and the error table.
 *
 * ```ts
 * import { actorChild, realClock, startSupervisor } from 'reeve/supervisor';
 *
 * const top = await startSupervisor(
 * 	{
 * 		name: 'top',
 * 		strategy: 'one_for_one',
 * 		children: [{ id: 'counter', start: actorChild({ logic: counterMachine }) }],
 * 	},
 * 	{ clock: realClock },
 * );
 * ```
 *
 * @module
 */
export {
	checkChildSpecs,
	isSupervisor,
	startSupervisor,
	supervisorChild,
	type SupervisorOptions,
	type SupervisorRef,
	type SupervisorView,
} from './supervisor.ts';
export { defineSupervisor, type SpecFault, type SpecRefusal } from './spec-check.ts';
export type {
	AutoShutdown,
	CheckedChild,
	ChildSpec,
	RestartType,
	Shutdown,
	Start,
	StartContext,
	StartResult,
	Strategy,
	SupervisorSpec,
	Budgets,
	KeptBudget,
} from './child-spec.ts';
export type {
	ChildCounts,
	ChildKey,
	ChildRow,
	Done,
	Refusal,
	RefusalCode,
	StartedChild,
} from './child-management.ts';
export type { SupervisorCalls } from './supervisor-calls.ts';
export type { SpecDiff } from './hot-change.ts';
export { actorChild, actorOf, type ActorContext, type ActorParts } from './actor-child.ts';
export { serviceChild, type ServiceContext, type ServiceParts } from './service-child.ts';
export { fence, type ActorDescription, type Child } from './child.ts';
export { exitText, type DownReason, type ExitReason } from './exit-reason.ts';
export { createNames, type Names } from './names.ts';
export { createLinks, type Links } from './links.ts';
export {
	monitor,
	monitorRemote,
	type Down,
	type Monitor,
	type NodePresence,
	type RemoteName,
} from './monitors.ts';
export { catchStrays } from './stray-errors.ts';
export { manyLines, oneLine, strayReport } from './crash-report.ts';
export type { Backoff, RestartLimit } from './restart.ts';
export { fileBudgets } from './budget-file.ts';
export {
	realClock,
	steppedClock,
	type Clock,
	type SteppedClock,
} from '../../runtime/platform/clock.ts';
export { createSignals, type Signal, type Signals } from '../../runtime/observability/signals.ts';
export { ReeveError } from '../../runtime/platform/errors.ts';
