import assert from 'node:assert/strict';
import test from 'node:test';
import { seededChance, steppedClock } from '../../../runtime/platform/clock.ts';
import type { Child } from '../../../supervisors/otp/child.ts';
import { exitText } from '../../../supervisors/otp/exit-reason.ts';
import {
	isSupervisor,
	startSupervisor,
	type SupervisorRef,
} from '../../../supervisors/otp/supervisor.ts';
import {
	createModel,
	pictureOf,
	type AdminCall,
	type Fault,
	type Model,
	type Node,
	type Reason,
} from '../../support/otp-model.ts';
import {
	childAt,
	childOfPlan,
	diceOf,
	pictureOfRef,
	randomSupervisor,
	randomWorker,
	reasonOf,
	specOfPlan,
	type Dice,
	type Stagehands,
} from '../../support/random-tree.ts';
import { effort } from '../../support/effort.ts';

const seeds = effort(400, 1000);
const stepsMax = 30;

/** One seed's two trees. */
interface Pair {
	readonly dice: Dice;
	readonly model: Model;
	readonly hands: Stagehands;
	readonly plannedFaults: Map<string, Fault[]>;
	readonly top: SupervisorRef;
	/** Lets everything happen that happens by itself. */
	quiet(): Promise<void>;
	advance(ms: number): Promise<void>;
	/** How many calls there were; what a call starts is named after it. */
	labels: number;
}

/**
 * The story with what has no order put into one: what ended at once by one kill, and the children
 * of a pool that were stopped together.
 */
function ordered(story: readonly string[], pools: ReadonlySet<string>): readonly string[] {
	const groupOf = (line: string): string | undefined => {
		const [what, path = '', reason] = line.split(' ');
		if (what !== 'end') return undefined;
		if (reason === 'killed') return 'killed';
		const pool = path.slice(0, path.lastIndexOf('/'));
		return pools.has(pool) ? pool : undefined;
	};
	const groups: { readonly name: string | undefined; readonly lines: string[] }[] = [];
	for (const line of story) {
		const name = groupOf(line);
		const last = groups.at(-1);
		if (last && name !== undefined && last.name === name) last.lines.push(line);
		else groups.push({ name, lines: [line] });
	}
	return groups.flatMap(({ lines }) => lines.toSorted());
}

function poolsOf(node: Node): string[] {
	const { plan, path, children } = node;
	const isPool = plan.kind === 'supervisor' && plan.strategy === 'simple_one_for_one';
	return [...(isPool ? [path] : []), ...children.flatMap(poolsOf)];
}

function compare({ model, hands, top }: Pair, pools: Set<string>, what: string): void {
	for (const path of poolsOf(model.top)) pools.add(path);
	assert.deepEqual(ordered(hands.story, pools), ordered(model.story, pools), what);
	assert.equal(pictureOfRef(top, hands), pictureOf(model.top), what);
	hands.story.length = 0;
	model.story.length = 0;
}

const isPool = ({ plan }: Node) =>
	plan.kind === 'supervisor' && plan.strategy === 'simple_one_for_one';

/**
 * Something that may happen to a tree: does it to the model, and says how to do it to the real one.
 */
type Event = (pair: Pair) => Promise<string>;

const end: Event = async ({ dice, model, top, hands }) => {
	const node = dice.pick(model.running());
	const isWorker = node.plan.kind === 'worker';
	const reasons: readonly Reason[] = isWorker
		? ['crash', 'crash', 'crash', 'normal', 'shutdown', 'killed']
		: ['killed', 'killed', 'shutdown'];
	// The end of the top is the end of the test.
	if (node === model.top) return 'nothing';
	const reason = dice.pick(reasons);
	const child = childAt(top, node.path, hands);
	model.end(node, reason);
	if (reason === 'killed') child.kill();
	else if (isWorker) hands.workers.get(child)?.exit(reasonOf(reason));
	else child.shutdown();
	return `${node.path} ends: ${reason}`;
};

const breakStarts: Event = async ({ dice, model, hands, plannedFaults }) => {
	const { path } = dice.pick(model.running());
	const faults = Array.from({ length: 1 + dice.below(3) }, () =>
		dice.pick<Fault>(['error', 'error', 'error', 'ignore']),
	);
	plannedFaults.set(path, [...faults]);
	(hands.faults as Map<string, Fault[]>).set(path, [...faults]);
	return `${path} will not start: ${faults.join()}`;
};

const administer: Event = async (pair) => {
	const { dice, model, top, hands } = pair;
	pair.labels += 1;
	const node = dice.pick(model.running().filter(({ plan }) => plan.kind === 'supervisor'));
	const call = randomCall(pair, node);
	const ref = childAt(top, node.path, hands);
	assert.ok(isSupervisor(ref));
	const key = keyOf(ref, call, hands);
	if (key === undefined) return 'nothing';
	const asked = ask(ref, { call, key, path: node.path }, hands);
	const expected = model.admin(node, call);
	await pair.quiet();
	const answer = await asked;
	const word = 'error' in answer ? answer.error : 'ok';
	const what = `${call.call} ${idOf(call)} below ${node.path}: ${word}`;
	assert.equal(word, expected, what);
	return what;
};

const idOf = (call: AdminCall) => (call.call === 'start' ? call.plan.id : call.id);

function randomCall({ dice, labels }: Pair, node: Node): AdminCall {
	const known = node.children.map(({ plan }) => plan.id);
	const call = dice.pick(['start', 'terminate', 'restart', 'delete'] as const);
	if (call !== 'start') return { call, id: dice.pick([...known, 'nobody']) };
	const { plan } = node;
	const auto = plan.kind === 'supervisor' ? plan.autoShutdown : 'never';
	const template = plan.kind === 'supervisor' && isPool(node) ? plan.children[0] : undefined;
	const isNew = template !== undefined || dice.happens(0.7);
	const id = isNew ? `n${labels}` : dice.pick([...known, 'h']);
	const worker = randomWorker(dice, id, auto);
	return { call: 'start', plan: template ? { ...worker, restart: template.restart } : worker };
}

/** What a child is named by: its id; in a pool itself, if it is there. */
function keyOf(ref: SupervisorRef, call: AdminCall, { paths }: Stagehands) {
	if (call.call === 'start') return call.plan.id;
	const { strategy, children } = ref.view();
	if (strategy !== 'simple_one_for_one' || call.call !== 'terminate') return call.id;
	return children.find(({ child }) => child && paths.get(child)?.endsWith(`/${call.id}`))?.child;
}

function ask(
	ref: SupervisorRef,
	{ call, key, path }: { call: AdminCall; key: string | Child; path: string },
	hands: Stagehands,
) {
	if (call.call === 'terminate') return ref.terminateChild(key);
	if (call.call === 'restart') return ref.restartChild(call.id);
	const isSimple = ref.view().strategy === 'simple_one_for_one';
	if (call.call !== 'start') return ref.deleteChild(call.id);
	return ref.startChild(isSimple ? [call.plan.id] : childOfPlan(call.plan, path, hands));
}

const pass: Event = async (pair) => {
	const ms = 50 * (1 + pair.dice.below(40));
	pair.model.advance(ms);
	await pair.advance(ms);
	return `${ms} ms pass`;
};

const events: readonly Event[] = [end, end, end, breakStarts, administer, administer, pass];

async function play(seed: number): Promise<number> {
	const dice = diceOf(seededChance(seed));
	const clock = steppedClock(seed);
	const plan = randomSupervisor(dice, { id: 'top', levels: 3 });
	const plannedFaults = new Map<string, Fault[]>();
	const hands: Stagehands = {
		story: [],
		faults: new Map<string, Fault[]>(),
		paths: new WeakMap(),
		workers: new WeakMap(),
	};
	const quiet = async () => {
		let seen: number;
		do {
			seen = hands.story.length;
			await clock.settle();
		} while (hands.story.length > seen);
	};
	const model = createModel(plan, plannedFaults);
	model.start();
	const top = await startSupervisor(specOfPlan(plan, 'top', hands), { clock });
	hands.story.push('start top');
	top.onExit((reason) => hands.story.push(`end top ${exitText(reason)}`));
	const advance = async (ms: number) => {
		for (let left = ms; left > 0; left -= 50) {
			await clock.advance(50);
			await quiet();
		}
	};
	const pair: Pair = { dice, model, hands, plannedFaults, top, quiet, advance, labels: 0 };
	const pools = new Set<string>();
	const history: string[] = [];
	compare(pair, pools, `seed ${seed}: start`);
	let steps = 0;
	for (; steps < stepsMax && model.top.state === 'running'; steps += 1) {
		try {
			history.push(await dice.pick(events)(pair));
			await quiet();
			compare(pair, pools, `seed ${seed}`);
		} catch (thrown) {
			const story = `${JSON.stringify(plan)}\n${history.join('\n')}`;
			const why = thrown instanceof Error ? thrown.message : String(thrown);
			throw new Error(`seed ${seed}, step ${steps}\n${story}\n${why}`, { cause: thrown });
		}
	}
	top.kill();
	await quiet();
	return steps;
}

test(`in ${seeds} random trees supervisors do what OTP's documentation says`, async () => {
	let steps = 0;
	for (let seed = 1; seed <= seeds; seed += 1) steps += await play(seed);
	assert.ok(steps > 10 * seeds, 'most trees live long enough to show something');
});
