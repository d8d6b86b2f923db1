/**
 * Plays scenarios on the supervisors of this project, in the words of `player.erl`.
 *
 * @module
 */
import type { SupervisorSpec } from '../../supervisors/otp/child-spec.ts';
import { monitor } from '../../supervisors/otp/monitors.ts';
import {
	checkChildSpecs,
	isSupervisor,
	type SupervisorRef,
} from '../../supervisors/otp/supervisor.ts';
import { slowLine, type Trace } from './comparison.ts';
import { childSpec, supervisorSpec, supervisorStart, turn } from './played-children.ts';
import {
	patienceMs,
	type Act,
	type CallStep,
	type EventStep,
	type Plan,
	type Scenario,
	type Step,
} from './scenario.ts';
import { createPlayedTree, outsider, type Known, type PlayedTree } from './played-tree.ts';
import {
	countsWord,
	doneWord,
	reasonOf,
	rowsWord,
	specWord,
	startWord,
	wordOf,
} from './trace-words.ts';

/** The answer of a call that was made, in words. */
type Answer = Promise<string> | undefined;

/** A scenario in play. */
interface Play {
	readonly tree: PlayedTree;
	top: SupervisorRef | undefined;
	/** When the second began that the present steps belong to. */
	sinceMs: number;
	/** How long they may take. */
	readonly patienceMs: number;
}

/** Plays one scenario. */
export async function playHere(scenario: Scenario): Promise<Trace> {
	const { init, steps, top: plan, timed } = scenario;
	const play: Play = {
		tree: createPlayedTree(scenario.id),
		top: undefined,
		sinceMs: 0,
		patienceMs: patienceMs(scenario),
	};
	const { tree } = play;
	if (timed) await pass(play, 1);
	for (const act of init) void begin(play, act);
	tree.say(`top ${await startTop(play, plan)}`);
	await tellTree(tree);
	for (const [index, step] of steps.entries()) {
		tree.say(`# ${index + 1}`);
		await take(play, step);
		await tellTree(tree);
	}
	tree.say('# end');
	for (const [path, ref] of supervisors(tree)) {
		tree.say(`${path} count ${countsWord(await ref.countChildren())}`);
	}
	play.top?.shutdown('shutdown');
	await quiet(tree);
	tellSlowness(play);
	tree.close();
	return tree.events;
}

async function startTop(play: Play, plan: Scenario['top']): Promise<string> {
	const { tree } = play;
	const start = supervisorStart(tree, plan, () => plan.id);
	const started = start(tree.context(plan.id)).then(
		(result) => {
			if (result === 'ignore') return 'ignore';
			const { child } = tree.last.get(plan.id) as Known;
			play.top = isSupervisor(child) ? child : undefined;
			return 'started';
		},
		() => 'failed',
	);
	await quiet(tree);
	return started;
}

/** Until nothing happens; timers that are set run off, as they would by themselves. */
async function quiet(tree: PlayedTree): Promise<void> {
	for (let round = 0; round < 5000; round += 1) {
		const before = tree.events.length;
		for (let at = 0; at < 6; at += 1) await turn();
		if (tree.events.length !== before) continue;
		if (tree.clock.pending() === 0) return;
		await tree.clock.advance(1);
	}
	tree.say('!never quiet');
}

function tellSlowness({ tree, sinceMs, patienceMs }: Play): void {
	if (tree.clock.monotonic() - sinceMs > patienceMs) tree.say(slowLine);
}

/** Until so many more seconds have begun. */
async function pass(play: Play, seconds: number): Promise<void> {
	const { clock } = play.tree;
	tellSlowness(play);
	const now = clock.monotonic();
	await clock.advance((Math.floor(now / 1000) + seconds) * 1000 + 15 - now);
	play.sinceMs = clock.monotonic();
}

/** The living supervisors by position. */
function supervisors({ last }: PlayedTree): readonly (readonly [string, SupervisorRef])[] {
	const found = [...last].flatMap(([path, { child }]) =>
		child.exitReason === undefined && isSupervisor(child) ? [[path, child] as const] : [],
	);
	return found.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

const isDynamic = (ref: SupervisorRef): boolean => ref.view().strategy === 'simple_one_for_one';

async function tellTree(tree: PlayedTree): Promise<void> {
	for (const [path, ref] of supervisors(tree)) {
		tree.say(`tree ${path} ${rowsWord(await ref.whichChildren(), isDynamic(ref))}`.trimEnd());
	}
}

async function take(play: Play, step: Step): Promise<void> {
	if (step.do === 'tick') await pass(play, step.n);
	else if (step.do === 'busy') await takeBusy(play, step);
	else {
		const answer = begin(play, step);
		await quiet(play.tree);
		await collect(play.tree, [answer]);
	}
}

/** Holds a supervisor with a start that ignores in the end; meanwhile the other steps are taken. */
async function takeBusy(play: Play, step: Extract<Step, { do: 'busy' }>): Promise<void> {
	const { tree } = play;
	const ref = tree.last.get(step.sup)?.child;
	if (!ref || ref.exitReason !== undefined || !isSupervisor(ref)) {
		tree.say('nobody');
		return;
	}
	let open = (): void => {};
	const gate = () =>
		new Promise<'ignore'>((done) => {
			open = () => done('ignore');
		});
	const held = isDynamic(ref)
		? ref.startChild([gate])
		: ref.startChild({ id: '$gate', restart: 'temporary', start: gate });
	const answers: Answer[] = [held.then(startWord)];
	await quiet(tree);
	for (const act of step.steps) {
		answers.push(begin(play, act));
		await quiet(tree);
	}
	open();
	await quiet(tree);
	await collect(tree, answers);
}

async function collect(tree: PlayedTree, answers: readonly Answer[]): Promise<void> {
	const none = async (): Promise<undefined> => {
		for (let at = 0; at < 3; at += 1) await turn();
	};
	for (const answer of answers) {
		if (!answer) continue;
		const word = await Promise.race([answer, none()]);
		tree.say(word === undefined ? '!no answer' : `answer ${word}`.trimEnd());
	}
}

const eventNames = ['faults', 'exit', 'signal', 'link', 'monitor', 'killsup', 'stop'];
const isEvent = (act: Act): act is EventStep => eventNames.includes(act.do);

/** Does something; the answer of a call comes later. */
function begin(play: Play, act: Act): Answer {
	if (!isEvent(act)) return act.do === 'check' ? check(play.tree, act) : ask(play.tree, act);
	happen(play, act);
	return undefined;
}

function happen({ tree, top }: Play, act: EventStep): void {
	if (act.do === 'faults') tree.faults.set(act.path, [...act.list]);
	else if (act.do === 'stop') top?.shutdown(reasonOf(act.reason ?? 'shutdown'));
	else if (act.do === 'monitor') watch(tree, act.path);
	else strike(tree, act);
}

function watch(tree: PlayedTree, path: string): void {
	const known = tree.last.get(path);
	if (known) monitor(known.child, ({ reason }) => tree.say(`down ${path} ${wordOf(reason)}`));
	else tree.say('nobody');
}

/** Something ends, or may end, a living actor. */
function strike(
	tree: PlayedTree,
	act: Exclude<EventStep, { do: 'faults' | 'monitor' | 'stop' }>,
): void {
	const known = tree.last.get(act.path);
	if (known?.child.exitReason !== undefined || !known) {
		tree.say('nobody');
		return;
	}
	const { child } = known;
	if (act.do === 'killsup') child.kill();
	else if (act.do === 'exit') endByItself(tree, known, act.reason);
	else if (act.do === 'signal') {
		const reason = act.reason === 'kill' ? 'kill' : reasonOf(act.reason);
		tree.links.exit(child, reason, outsider(tree).child);
	} else {
		const other = outsider(tree);
		tree.links.link(other.child, child);
		other.end(act.reason);
	}
}

function endByItself(
	tree: PlayedTree,
	{ child, isSupervisor: is, end }: Known,
	word: string,
): void {
	if (is) tree.say('a supervisor');
	else if (word === 'kill') child.kill();
	else end?.(word);
}

function check(tree: PlayedTree, { specs, auto }: Extract<CallStep, { do: 'check' }>): Answer {
	const made = specs.map((spec) => {
		const isPlan = typeof spec === 'object' && spec !== null && 'kind' in spec;
		return isPlan ? childSpec(tree, spec as Plan, () => 'x') : spec;
	});
	const answer = checkChildSpecs(made, auto as SupervisorSpec['autoShutdown']);
	return Promise.resolve('error' in answer ? `bad_spec ${answer.fault}` : 'ok');
}

function ask(tree: PlayedTree, act: Exclude<CallStep, { do: 'check' }>): Answer {
	const known = tree.last.get(act.sup);
	if (!known?.isSupervisor) {
		tree.say('nobody');
		return undefined;
	}
	return isSupervisor(known.child) ? answerOf(tree, known.child, act) : Promise.resolve('noproc');
}

async function answerOf(
	tree: PlayedTree,
	ref: SupervisorRef,
	act: Exclude<CallStep, { do: 'check' }>,
): Promise<string> {
	switch (act.do) {
		case 'which': {
			const isSimple = isDynamic(ref);
			return rowsWord(await ref.whichChildren(), isSimple);
		}
		case 'count':
			return countsWord(await ref.countChildren());
		case 'start':
			return startWord(await ref.startChild(givenTo(tree, act)));
		case 'change':
			return changeWord(tree, ref, act);
		case 'restart':
			return startWord(await ref.restartChild(act.id as string));
		case 'delete':
			return doneWord(await ref.deleteChild(act.id as string));
		case 'terminate':
			return doneWord(await ref.terminateChild(keyOf(tree, act.id)));
		case 'getspec':
			return specWord(await ref.getChildSpec(keyOf(tree, act.id)));
	}
}

function keyOf(tree: PlayedTree, id: string | { readonly pid: string }) {
	return typeof id === 'string' ? id : (tree.last.get(id.pid)?.child ?? outsider(tree).child);
}

function givenTo(tree: PlayedTree, { sup, child }: Extract<CallStep, { do: 'start' }>) {
	if (typeof child === 'string') return [child];
	return childSpec(tree, child, () => `${sup}/${child.id}`);
}

async function changeWord(
	tree: PlayedTree,
	ref: SupervisorRef,
	{ plan, sup }: Extract<CallStep, { do: 'change' }>,
): Promise<string> {
	const spec = plan.ignore ? 'ignore' : supervisorSpec(tree, plan, sup);
	const answer = await ref.changeSpecs(spec);
	if (!('error' in answer)) return 'ok';
	return answer.error === 'noproc' ? 'noproc' : `refused ${answer.fault ?? answer.error}`;
}
