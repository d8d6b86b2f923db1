/**
 * Running steps and the states that wait for them. The result of a step goes to the invocation that
 * started it, whose id is made of the name of its state. A changed definition may have renamed the
 * state: then the step belongs to the active state that invokes the same source, if there is one.
 *
 * @module
 */
import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { JournalReader } from '../../runtime/journal/schema.ts';
import { scanSteps } from './step-rows.ts';

/** A step that an instance waits for. */
export interface RunningStep {
	/** The id of its invocation, by which the machine knows it. */
	readonly child: string;
	readonly stepId: string;
	/** The step that was invoked; undefined if that is not known any more. */
	readonly src?: string;
	/** Whether a state invokes it; else it was spawned, and belongs to none. */
	readonly isInvoked?: boolean;
}

/** The ids of running steps by the ids of their invocations. */
export type StepIds = Readonly<Record<string, string>>;

/** An id that XState makes of the place of an invocation and the id of its state. */
const madeOfState = /^\d+\./;

/** The running steps of an instance, with what the journal has about them. */
export function runningSteps(
	journal: Pick<JournalReader, 'scan'>,
	{ actor, key, steps = {} }: { actor: string; key: string; steps: StepIds | undefined },
): readonly RunningStep[] {
	if (Object.keys(steps).length === 0) return [];
	const rows = new Map(scanSteps(journal, actor, key).map(({ stepId, row }) => [stepId, row]));
	return Object.entries(steps).map(([child, stepId]) => {
		const row = rows.get(stepId);
		if (!row) return { child, stepId };
		const isInvoked = row.isInvoked ?? madeOfState.test(row.child);
		return { child, stepId, src: row.src, isInvoked };
	});
}

/** Running steps about which only their ids are known. */
export function bareSteps(steps: StepIds = {}): readonly RunningStep[] {
	return Object.entries(steps).map(([child, stepId]) => ({ child, stepId }));
}

/** What a migration says about running steps: new ids of invocations; null drops the step. */
export type StepRenames = Readonly<Record<string, string | null>>;

/** The running steps under the ids that a migration gives them. */
export function renamedSteps(
	running: readonly RunningStep[],
	renames: StepRenames,
): readonly RunningStep[] {
	return running.flatMap((step) => {
		const { child } = step;
		const to = Object.hasOwn(renames, child) ? renames[child] : child;
		return typeof to === 'string' ? [{ ...step, child: to }] : [];
	});
}

/**
 * Gives each running step the invocation that it belongs to.
 *
 * @throws ReeveError `step_without_state` if no active state invokes it, or several may
 */
export function placedSteps(
	{ _nodes }: AnyMachineSnapshot,
	running: readonly RunningStep[],
): StepIds {
	const free = new Map(
		(_nodes as readonly AnyStateNode[]).flatMap(({ invoke }) => {
			return invoke.map(({ id, src }) => [id, typeof src === 'string' ? src : ''] as const);
		}),
	);
	const placed: Record<string, string> = {};
	const displaced: (RunningStep & { readonly src: string })[] = [];
	for (const { child, stepId, src, isInvoked } of running) {
		if (src !== undefined && isInvoked && free.get(child) !== src) {
			displaced.push({ child, stepId, src });
			continue;
		}
		placed[child] = stepId;
		free.delete(child);
	}
	for (const { child, stepId, src } of displaced) {
		const places = [...free].filter(([, taken]) => taken === src).map(([id]) => id);
		const rivals = displaced.filter((other) => other.src === src).length;
		const [place] = places;
		if (place === undefined || places.length > 1 || rivals > 1) {
			const why = place === undefined ? 'no active state invokes' : 'more than one state may take';
			throw new ReeveError('step_without_state', `${why} the step ${src} (${child})`);
		}
		placed[place] = stepId;
	}
	return placed;
}
