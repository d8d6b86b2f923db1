/**
 * The children of scenarios here, by the product's own means.
 *
 * @module
 */
import { createMachine } from 'xstate';
import { actorChild, actorOf } from '../../supervisors/otp/actor-child.ts';
import type {
	ChildSpec,
	Start,
	StartContext,
	StartResult as ChildOrNone,
	SupervisorSpec,
} from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { serviceChild, type ServiceContext } from '../../supervisors/otp/service-child.ts';
import {
	startSupervisor,
	supervisorChild,
	type SupervisorRef,
} from '../../supervisors/otp/supervisor.ts';
import type { Plan, StartResult, SupervisorPlan, Trap, WorkerPlan } from './scenario.ts';
import { outsider, type Known, type PlayedTree } from './played-tree.ts';
import { reasonOf, wordOf } from './trace-words.ts';

const slowMs = 15;
type PathOf = (context: Pick<StartContext, 'args'>) => string;

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((done) => void setImmediate(done));

/** The specification of a supervisor at a position. */
export function supervisorSpec(
	tree: PlayedTree,
	plan: SupervisorPlan,
	path: string,
): SupervisorSpec {
	const { strategy, intensity, period, auto } = plan;
	const isDynamic = strategy === 'simple_one_for_one';
	const children = plan.children.map((child) => {
		const below: PathOf = ({ args }) => `${path}/${isDynamic ? String(args[0]) : child.id}`;
		return childSpec(tree, child, below);
	});
	return {
		name: path,
		strategy,
		children,
		...(intensity === undefined ? {} : { intensity }),
		...(period === undefined ? {} : { period }),
		...(auto === undefined ? {} : { autoShutdown: auto }),
	} as SupervisorSpec;
}

/** The specification of a child whose position is found out when it starts. */
export function childSpec(tree: PlayedTree, plan: Plan, pathOf: PathOf): ChildSpec {
	const { id, restart, shutdown, significant } = plan;
	const type = plan.type ?? (plan.kind === 'sup' ? 'supervisor' : undefined);
	const inner =
		plan.kind === 'sup' ? supervisorStart(tree, plan, pathOf) : workerStart(tree, plan, pathOf);
	const start: Start = (context) => {
		const [gate] = context.args;
		return isGate(gate) ? gate() : inner(context);
	};
	const given = { restart, shutdown, significant, type };
	const set = Object.entries(given).filter(([, value]) => value !== undefined);
	return { id, start, ...Object.fromEntries(set) };
}

/** What keeps a supervisor busy while it starts. */
export type Gate = () => Promise<'ignore'>;

function isGate(value: unknown): value is Gate {
	return typeof value === 'function';
}

/** The start of a supervisor. */
export function supervisorStart(
	tree: PlayedTree,
	plan: SupervisorPlan,
	pathOf: PathOf,
): (context: StartContext) => Promise<ChildOrNone> {
	return async (context) => {
		const path = pathOf(context);
		const result = tree.nextStart(path);
		if (result !== 'ok' && result !== 'info') return failed(result);
		tree.say(`start ${path}`);
		const ref = await startedSupervisor(tree, plan, { path, context });
		if (ref === 'ignore') return ref;
		tree.last.set(path, { child: ref, isSupervisor: true });
		ref.onExit((reason) => tree.say(`stop ${path} ${wordOf(reason)}`));
		return result === 'info' ? { child: ref, info: 'word' } : ref;
	};
}

async function startedSupervisor(
	tree: PlayedTree,
	plan: SupervisorPlan,
	{ path, context }: { readonly path: string; readonly context: StartContext },
): Promise<SupervisorRef | 'ignore'> {
	// Like a pid that is dead: it is known, and answers nothing.
	const gone = (word: string): void => {
		tree.say(`stop ${path} ${word}`);
		const { child } = outsider(tree);
		child.kill();
		tree.last.set(path, { child, isSupervisor: true });
	};
	if (plan.ignore) {
		gone('normal');
		return startSupervisor(() => 'ignore', context);
	}
	const { start } = supervisorChild(supervisorSpec(tree, plan, path));
	try {
		return (await start(context)) as SupervisorRef;
	} catch (thrown) {
		const { message } = thrown as Error;
		const [, id] = /failed_to_start_child (\S+): /.exec(message) ?? [];
		gone(id === undefined ? message : `failed_to_start:${id}`);
		throw thrown;
	}
}

function failed(result: StartResult): 'ignore' {
	if (result === 'ignore') return result;
	if (result === 'badreturn') return 'what_is_this' as 'ignore';
	throw new Error('failed');
}

function workerStart(tree: PlayedTree, plan: WorkerPlan, pathOf: PathOf): Start {
	return (context) => {
		const path = pathOf(context);
		const result = tree.nextStart(path);
		if (result !== 'ok' && result !== 'info') return failed(result);
		const owner = plan.name === undefined ? undefined : tree.names.whereis(plan.name);
		if (owner) {
			tree.say(`start ${path} taken`);
			return { alreadyStarted: owner };
		}
		const { shape, trap = 'no' } = plan;
		const isActor = shape === 'actor' && ['no', 'yes', 'slow'].includes(trap);
		const made = (isActor ? actorStart : serviceStart)(tree, plan, path)(context);
		if (result === 'ok') return made;
		const withInfo = (child: ChildOrNone) => ({ child: child as Child, info: 'word' });
		return made instanceof Promise ? made.then(withInfo) : withInfo(made);
	};
}

/** A worker is there: it traps exits, or not. */
function entered(
	tree: PlayedTree,
	trap: Trap,
	known: Omit<Known, 'isSupervisor'> & PathAware,
): void {
	const { path, child } = known;
	if (trap !== 'no') {
		tree.links.trapExits(child, ({ reason }) => tree.say(`told ${path} ${wordOf(reason)}`));
	}
	tree.born(path, { ...known, isSupervisor: false });
}

interface PathAware {
	readonly path: string;
}

function serviceStart(tree: PlayedTree, plan: WorkerPlan, path: string): Start {
	const { trap = 'no', name, shape } = plan;
	return serviceChild<ServiceContext>({
		start(context) {
			const { child } = context;
			const begin = () => {
				if (name !== undefined) tree.names.register(name, child);
				entered(tree, trap, { path, child, end: (word) => context.exit(reasonOf(word)) });
				return context;
			};
			return shape === 'async' ? turn().then(begin) : begin();
		},
		stop(context) {
			if (context.child.isFenced) return undefined;
			if (trap === 'slow') return new Promise((done) => void tree.clock.after(slowMs, done));
			if (trap === 'refuse') return new Promise(() => {});
			if (trap === 'crash') throw new Error('crash');
			if (trap === 'normal') context.exit('normal');
			return undefined;
		},
	});
}

/** A machine that ends as it is told, and as its worker does when it is asked to. */
const machineOf = (trap: Trap) =>
	createMachine({
		initial: 'up',
		on: {
			NORMAL: '.done',
			THROW: {
				actions: ({ event }) => {
					throw event['reason'];
				},
			},
			...(trap === 'no' ? {} : { SHUTDOWN: trap === 'slow' ? '.closing' : '.done' }),
		},
		states: { up: {}, closing: { after: { [slowMs]: 'done' } }, done: { type: 'final' } },
	});

function actorStart(tree: PlayedTree, plan: WorkerPlan, path: string): Start {
	const { trap = 'no', name } = plan;
	return actorChild({
		logic: machineOf(trap),
		...(trap === 'no' ? {} : { shutdownEvent: { type: 'SHUTDOWN' } as const }),
		...(name === undefined ? {} : { register: name }),
		input({ child }) {
			const end = (word: string): void => {
				if (word === 'killed') child.kill();
				else if (word === 'normal') actorOf(child)?.send({ type: 'NORMAL' });
				else actorOf(child)?.send({ type: 'THROW', reason: reasonOf(word) });
			};
			entered(tree, trap, { path, child, end });
			return {};
		},
	});
}
