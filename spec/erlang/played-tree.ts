/**
 * The tree of one scenario as it is played here: what its children and steps share.
 *
 * @module
 */
import { createSignals } from '../../runtime/observability/signals.ts';
import { steppedClock, type SteppedClock } from '../../runtime/platform/clock.ts';
import type { StartContext } from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { createLinks, type Links } from '../../supervisors/otp/links.ts';
import { createNames, type Names } from '../../supervisors/otp/names.ts';
import { serviceChild } from '../../supervisors/otp/service-child.ts';
import type { StartResult } from './scenario.ts';
import { detailWord, reasonOf, wordOf } from './trace-words.ts';

/** The child that was last at a position. */
export interface Known {
	readonly child: Child;
	readonly isSupervisor: boolean;
	/** Makes a worker end by itself, for the reason that the word means. */
	readonly end?: (word: string) => void;
}

/** A tree in play. */
export interface PlayedTree {
	readonly clock: SteppedClock;
	readonly names: Names;
	readonly links: Links;
	/** What has happened. */
	readonly events: string[];
	readonly last: Map<string, Known>;
	readonly faults: Map<string, StartResult[]>;
	say(line: string): void;
	/** The result of the next start at a position; it is told unless the start shall succeed. */
	nextStart(path: string): StartResult;
	/** A child has started there: tells of it, and of its end. */
	born(path: string, known: Known): void;
	/** The start context of who has no supervisor. */
	context(id: string): StartContext;
	/** From now on nothing is told. */
	close(): void;
}

/** Creates the tree of the scenario of this number. */
export function createPlayedTree(id: number): PlayedTree {
	const clock = steppedClock(id);
	const names = createNames();
	const signals = createSignals(clock, 10);
	const events: string[] = [];
	const faults = new Map<string, StartResult[]>();
	const last = new Map<string, Known>();
	let isClosed = false;
	const say = (line: string): void => {
		if (!isClosed) events.push(line);
	};
	signals.subscribe((signal) => {
		if (signal.type !== 'supervisor.report') return;
		const { supervisor, report, child, detail } = signal;
		const word = report === 'start_error' ? 'failed' : detailWord(detail ?? '');
		say(`report ${supervisor} ${report} ${child} ${word}`);
	});
	const shared = { args: [], incarnation: 1, ancestors: [], clock, names, signals };
	return {
		clock,
		names,
		links: createLinks(),
		events,
		last,
		faults,
		say,
		nextStart(path) {
			const next = faults.get(path)?.shift() ?? 'ok';
			if (next !== 'ok' && next !== 'info') say(`start ${path} ${next}`);
			return next;
		},
		born(path, known) {
			last.set(path, known);
			say(`start ${path}`);
			known.child.onExit((reason) => say(`stop ${path} ${wordOf(reason)}`));
		},
		context: (own) => ({
			...shared,
			id: own,
			budgets: undefined,
			signal: new AbortController().signal,
		}),
		close: () => void (isClosed = true),
	};
}

/** An actor without a supervisor, and what makes it end. */
export function outsider(tree: PlayedTree): Required<Pick<Known, 'child' | 'end'>> {
	let end = (_word: string): void => {};
	const start = serviceChild({
		start(context) {
			end = (word) => context.exit(reasonOf(word));
			return {};
		},
	});
	return { child: start(tree.context('outsider')) as Child, end };
}
