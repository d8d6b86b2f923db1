/**
 * Runs a case in plain XState: in memory, without any crash.
 *
 * @module
 */
import { createActor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { steppedClock } from '../../runtime/platform/clock.ts';
import { innermostOf } from './seen-states.ts';
import type { CaseStep } from './suite.ts';

/** What is seen of a case after a step. */
export interface Look {
	/** The names of the innermost active states. */
	readonly states: readonly string[];
	readonly context: unknown;
}

/** What is seen of a machine after each step; throws what the machine throws. */
export async function runPlainly(
	machine: AnyStateMachine,
	steps: readonly CaseStep[],
): Promise<readonly Look[]> {
	const clock = steppedClock(1);
	const actor = createActor(machine, {
		logger: () => {},
		clock: {
			setTimeout: (run, delayMs) => clock.after(delayMs, () => run()),
			clearTimeout: (timer: { cancel(): void } | undefined) => timer?.cancel(),
		},
	});
	const thrown: unknown[] = [];
	actor.subscribe({ error: (error) => thrown.push(error) });
	actor.start();
	const since = clock.monotonic();
	const looks: Look[] = [];
	for (const { atMs, event } of steps) {
		await clock.advance(since + atMs - clock.monotonic());
		const snapshot = () => actor.getSnapshot() as AnyMachineSnapshot;
		if (event && snapshot().status === 'active') actor.send(event);
		if (thrown.length > 0) throw thrown[0];
		const { value, context } = snapshot();
		looks.push({ states: innermostOf(value), context: structuredClone(context) });
	}
	actor.stop();
	return looks;
}

/** The first difference between what was seen and what a case wants; undefined if there is none. */
export function differenceOf(
	looks: readonly Look[],
	steps: readonly CaseStep[],
): string | undefined {
	for (const [at, { event, states }] of steps.entries()) {
		const found = looks[at]?.states.join(' ');
		if (states === undefined || found === states.join(' ')) continue;
		return `after ${event?.type ?? 'the start'}: ${found}, not ${states.join(' ')}`;
	}
	return undefined;
}
