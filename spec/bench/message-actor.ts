/**
 * What the actor of one message in flight costs, from its creation to its end: the compiled chart
 * against the same chart as an ordinary XState machine.
 *
 * @module
 */
import { createActor, type AnyActorLogic } from 'xstate';
import type { Chart, ChartTypes } from '../../actors/statecharts/chart.ts';
import { compileChart } from '../../actors/statecharts/compile.ts';
import { deliveryChart, type DeliveryEvent } from '../../actors/outbound/outbound-message.ts';
import { interpretChart } from '../../actors/statecharts/interpret.ts';
import { messageChart, type MessageEvent } from '../../actors/inbound/inbound-message.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import { full, median, rounded, type Figure } from './figure.ts';

/** How much is measured; it takes about a second. */
interface Effort {
	readonly rounds: number;
	/** Lives of each form in a round. */
	readonly lives: number;
}

const goal = 5;
const messageRow = { id: 'm1', method: 'REQPing', onCrash: 'retry', attemptsMax: 5 } as const;
// The first start crashes: three events, each of which leads to another state.
const messageEvents: readonly MessageEvent[] = [
	{ type: 'CRASHED' },
	{ type: 'START' },
	{ type: 'ENDED', outcome: 'done' },
];
const deliveryRow = { id: 'm1', seq: 1, attemptsMax: 0 };
const deliveryEvents: readonly DeliveryEvent[] = [
	{ type: 'PUBLISHED' },
	{ type: 'GIVE_UP' },
	{ type: 'SKIPPED' },
];

/** Microseconds that one life takes, on the average of `lives`. */
function time(
	logic: AnyActorLogic,
	{ input, events }: { input: unknown; events: readonly { type: string }[] },
	lives: number,
): number {
	const options = { input };
	const startMs = realClock.monotonic();
	let ended = 0;
	for (let life = 0; life < lives; life += 1) {
		const actor = createActor(logic, options).start();
		for (const event of events) actor.send(event);
		if (actor.getSnapshot().status === 'done') ended += 1;
	}
	const tookMs = realClock.monotonic() - startMs;
	if (ended !== lives) throw new Error(`only ${ended} of ${lives} actors came to their end`);
	return (tookMs / lives) * 1000;
}

/**
 * A course through a chart, and the state in which the machine of the baseline begins by itself.
 */
interface Course<T extends ChartTypes> {
	readonly first: T['state'];
	readonly input: T['input'];
	readonly events: readonly T['event'][];
}

function compare<T extends ChartTypes>(
	chart: Chart<T>,
	course: Course<T>,
	{ rounds, lives }: Effort,
): Figure {
	const compiled = compileChart(chart);
	// A first state that is computed costs a machine one more step; the baseline need not pay for it.
	const machine = interpretChart({ ...chart, initial: course.first });
	const round = () => {
		const baseline = time(machine, course, lives);
		const reeve = time(compiled, course, lives);
		return { baseline, reeve, ratio: baseline / reeve };
	};
	// The first two rounds are for the just-in-time compiler.
	const pairs = Array.from({ length: rounds + 2 }, round).slice(2);
	const ratios = pairs.map(({ ratio }) => ratio);
	const ratio = rounded(median(ratios));
	return {
		name: `message-actor ${chart.id}`,
		unit: 'us/life',
		reeve: rounded(median(pairs.map(({ reeve }) => reeve))),
		baseline: rounded(median(pairs.map(({ baseline }) => baseline))),
		ratio,
		spread: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
		goal,
		met: ratio >= goal,
		bound: 'atLeast',
	};
}

/** Measures the lives of a received and of a sent message, of three events each. */
export function measureMessageActors({ short } = full): readonly Figure[] {
	const effort = { rounds: short ? 5 : 9, lives: 5000 };
	const input = { ...messageRow, attempts: 1, started: true };
	const received = { first: 'running', input, events: messageEvents } as const;
	const sent = { first: 'queued', input: deliveryRow, events: deliveryEvents } as const;
	return [compare(messageChart, received, effort), compare(deliveryChart, sent, effort)];
}
