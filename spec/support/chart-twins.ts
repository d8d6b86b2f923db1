/**
 * Runs a chart in both of its forms, interpreted and compiled, side by side and holds the one
 * against the other.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { createActor, type AnyActorLogic } from 'xstate';
import type { Chart, ChartTypes } from '../../actors/statecharts/chart.ts';
import { compileChart } from '../../actors/statecharts/compile.ts';
import { interpretChart } from '../../actors/statecharts/interpret.ts';

/** What both forms must agree on at every instant. */
export interface Essence {
	readonly status: string;
	readonly value: unknown;
	readonly context: unknown;
	readonly output: unknown;
}

/** The part of a snapshot that is compared. */
export function essence(snapshot: Essence): Essence {
	const { status, value, context, output } = snapshot;
	return { status, value, context, output };
}

/** XState wraps the error of a guard in one of its own, which ends with the text of the first. */
function lastLine(thrown: unknown): string | undefined {
	return thrown instanceof Error ? thrown.message.split('\n').at(-1) : JSON.stringify(thrown);
}

/**
 * Starts an actor and keeps a log of all that its listeners hear, in the order in which they do.
 */
export function observe(logic: AnyActorLogic, options: { input?: unknown; snapshot?: unknown }) {
	const actor = createActor(logic, options as Parameters<typeof createActor>[1]);
	const log: unknown[] = [];
	// With where the actor is by then: emitted events are heard after the state has changed.
	actor.on('*', (emitted) => log.push({ emitted, in: actor.getSnapshot().value }));
	actor.subscribe({
		next: (snapshot) => log.push({ next: essence(snapshot) }),
		error: (thrown) => log.push({ error: lastLine(thrown) }),
		complete: () => log.push('complete'),
	});
	actor.start();
	return { actor, log };
}

/** Runs both forms side by side; `agree` holds them against each other. */
export function twins<T extends ChartTypes>(chart: Chart<T>, input: T['input']) {
	const forms: readonly AnyActorLogic[] = [interpretChart(chart), compileChart(chart)];
	let pair = forms.map((logic) => observe(logic, { input }));
	const both = <Result>(read: (each: (typeof pair)[number]) => Result) => {
		const [interpreted, compiled] = pair.map(read);
		return { interpreted, compiled };
	};
	const agree = () => {
		const seen = both(({ actor }) => essence(actor.getSnapshot()));
		if (seen.compiled?.value === undefined) {
			// The first snapshot could not even be made, so there is no state that could be compared.
			assert.equal(seen.interpreted?.status, seen.compiled?.status);
		} else assert.deepEqual(seen.compiled, seen.interpreted);
		const logs = both(({ log }) => log);
		assert.deepEqual(logs.compiled, logs.interpreted);
		return seen.compiled;
	};
	return {
		agree,
		logged: () => pair[1]?.log ?? [],
		send: (event: T['event']) => pair.forEach(({ actor }) => actor.send(event)),
		/** Goes on with actors that know no more than what was written of the first ones. */
		restore() {
			const rows = pair.map(({ actor }) => JSON.stringify(actor.getPersistedSnapshot()));
			pair = forms.map((logic, at) => observe(logic, { snapshot: JSON.parse(rows[at] ?? '') }));
		},
		stop: () => pair.forEach(({ actor }) => actor.stop()),
	};
}

/** Sends the events to both forms, with a restart before the event at `restoreAt`. */
export function compare<T extends ChartTypes>(
	chart: Chart<T>,
	input: T['input'],
	{ events, restoreAt }: { events: readonly T['event'][]; restoreAt: number },
) {
	const pair = twins(chart, input);
	pair.agree();
	const heard: unknown[] = [];
	for (const [at, event] of events.entries()) {
		if (at === restoreAt && pair.agree()?.value !== undefined) {
			heard.push(...pair.logged());
			pair.restore();
			pair.agree();
		}
		pair.send(event);
		pair.agree();
	}
	const last = pair.agree();
	pair.stop();
	pair.agree();
	return { status: last?.status, heard: [...heard, ...pair.logged()] };
}
