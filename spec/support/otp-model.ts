/**
 * A model of OTP's supervisors, written from its documentation: what becomes of a tree when
 * children end, are administered, or cannot be started. Nothing in it takes time, so it needs none
 * of the product's machinery, and shares none of its code; the two are compared step by step.
 *
 * @module
 */

/** Why a process ended; a crash is any error. */
export type Reason = 'normal' | 'shutdown' | 'killed' | 'crash';

/** What a start may come to instead of a process. */
export type Fault = 'error' | 'ignore';

interface AnyPlan {
	readonly id: string;
	readonly restart: 'permanent' | 'transient' | 'temporary';
	readonly isSignificant: boolean;
}

/** A process without children. */
export interface WorkerPlan extends AnyPlan {
	readonly kind: 'worker';
}

/** A supervisor. */
export interface SupervisorPlan extends AnyPlan {
	readonly kind: 'supervisor';
	readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one';
	readonly intensity: number;
	readonly periodS: number;
	readonly autoShutdown: 'never' | 'any_significant' | 'all_significant';
	/** How long it waits before each restart, beyond OTP; 0: not at all. */
	readonly pauseMs: number;
	/** Of a simple one: the template. */
	readonly children: readonly Plan[];
}

/** What a tree is made of. */
export type Plan = WorkerPlan | SupervisorPlan;

/** A call to a supervisor. */
export type AdminCall =
	| { readonly call: 'start'; readonly plan: WorkerPlan }
	| { readonly call: 'terminate' | 'restart' | 'delete'; readonly id: string };

/** A position in the tree. */
export interface Node {
	readonly plan: Plan;
	/** The ids from the top, joined by slashes. */
	readonly path: string;
	readonly parent: Node | undefined;
	state: 'running' | 'restarting' | 'stopped';
	children: Node[];
	/** The seconds of the restarts that were needed. */
	restarts: number[];
	/** When it is tried again, and which of those that are due at once comes first. */
	due: { readonly atMs: number; readonly order: number } | undefined;
}

/** A tree in the model. */
export interface Model {
	readonly top: Node;
	/** Every start and every end, in order. */
	readonly story: string[];
	/** The supervisors and workers that run. */
	running(): readonly Node[];
	/** A start, `ok` or the fault. */
	start(): 'ok' | Fault;
	/** A running process ends by itself. */
	end(node: Node, reason: Reason): void;
	/** Asks a running supervisor; the answer is `ok` or OTP's word for the refusal. */
	admin(supervisor: Node, call: AdminCall): string;
	advance(ms: number): void;
}

/** Creates the model of a tree. `faults` says, by path, what the next starts come to instead. */
export function createModel(plan: Plan, faults: ReadonlyMap<string, Fault[]>): Model {
	const story: string[] = [];
	let nowMs = 0;
	let orders = 0;
	const top = seed(plan, undefined);

	const isSimple = ({ plan }: Node) =>
		plan.kind === 'supervisor' && plan.strategy === 'simple_one_for_one';
	const planOf = ({ plan }: Node): SupervisorPlan => {
		if (plan.kind === 'worker') throw new Error(`${plan.id} is no supervisor`);
		return plan;
	};
	const drop = ({ parent, plan }: Node): void => {
		if (parent) parent.children = parent.children.filter((child) => child.plan !== plan);
	};
	/** There is no process any more. */
	const rest = (node: Node): void => {
		node.state = 'stopped';
		node.due = undefined;
		if (node.plan.restart === 'temporary' || (node.parent && isSimple(node.parent))) drop(node);
	};

	function launch(node: Node): 'ok' | Fault {
		const { plan, path } = node;
		const fault = plan.kind === 'worker' ? faults.get(path)?.shift() : undefined;
		if (fault) {
			story.push(`${fault} ${path}`);
			if (fault === 'ignore') rest(node);
			return fault;
		}
		if (plan.kind === 'supervisor') {
			node.restarts = [];
			node.children = isSimple(node) ? [] : plan.children.map((child) => seed(child, node));
			if (node.children.some((child) => launch(child) === 'error')) {
				haltAll(node);
				story.push(`error ${path}`);
				return 'error';
			}
		}
		story.push(`start ${path}`);
		node.state = 'running';
		node.due = undefined;
		return 'ok';
	}

	/** The supervisor's doing: it ends with shutdown. */
	function halt(node: Node): void {
		if (node.state === 'running') {
			haltAll(node);
			story.push(`end ${node.path} shutdown`);
		}
		rest(node);
	}

	function haltAll(node: Node): void {
		for (const child of node.children.toReversed()) halt(child);
	}

	function killAll(node: Node): void {
		for (const child of node.children) {
			if (child.state === 'running') {
				killAll(child);
				story.push(`end ${child.path} killed`);
			}
			child.state = 'stopped';
			child.due = undefined;
		}
	}

	function end(node: Node, reason: Reason): void {
		if (reason === 'killed') killAll(node);
		else haltAll(node);
		story.push(`end ${node.path} ${reason}`);
		node.state = 'stopped';
		const { parent } = node;
		if (!parent) return;
		const { restart, isSignificant } = node.plan;
		const isFailure = reason === 'crash' || reason === 'killed';
		if (restart === 'permanent' || (restart === 'transient' && isFailure)) {
			retry(node, parent);
			return;
		}
		rest(node);
		if (!isSignificant) return;
		const { autoShutdown } = planOf(parent);
		const isLast = parent.children.every(
			(child) => !child.plan.isSignificant || child.state === 'stopped',
		);
		if (autoShutdown === 'any_significant' || isLast) end(parent, 'shutdown');
	}

	/** A restart is needed. */
	function retry(node: Node, supervisor: Node): void {
		const { intensity, periodS, pauseMs } = planOf(supervisor);
		const nowS = Math.floor(nowMs / 1000);
		supervisor.restarts = supervisor.restarts.filter((atS) => nowS - atS <= periodS);
		supervisor.restarts.push(nowS);
		if (supervisor.restarts.length > intensity) {
			rest(node);
			end(supervisor, 'shutdown');
			return;
		}
		node.state = 'restarting';
		if (pauseMs === 0) restart(node, supervisor);
		else node.due = { atMs: nowMs + pauseMs, order: (orders += 1) };
	}

	function restart(node: Node, supervisor: Node): void {
		const { strategy } = planOf(supervisor);
		const first = supervisor.children.indexOf(node);
		let group = [node];
		if (strategy === 'one_for_all') group = supervisor.children;
		if (strategy === 'rest_for_one') group = supervisor.children.slice(first);
		for (const other of group.toReversed()) if (other !== node) halt(other);
		const left = group.filter((member) => supervisor.children.includes(member));
		for (const member of left) {
			if (launch(member) !== 'error') continue;
			// Those behind it have no process until it has one.
			for (const later of left.slice(left.indexOf(member) + 1)) rest(later);
			retry(member, supervisor);
			return;
		}
	}

	function startChild(supervisor: Node, plan: WorkerPlan, known: Node | undefined): string {
		if (known) return known.state === 'running' ? 'already_started' : 'already_present';
		const node = seed(plan, supervisor);
		supervisor.children.push(node);
		if (launch(node) !== 'error') return 'ok';
		drop(node);
		return 'start_failed';
	}

	function admin(supervisor: Node, call: AdminCall): string {
		const id = call.call === 'start' ? call.plan.id : call.id;
		const known = supervisor.children.find(({ plan }) => plan.id === id);
		if (call.call === 'start') return startChild(supervisor, call.plan, known);
		if (isSimple(supervisor) && call.call !== 'terminate') return 'simple_one_for_one';
		if (!known) return 'not_found';
		if (call.call === 'terminate') {
			halt(known);
			return 'ok';
		}
		if (known.state !== 'stopped') return known.state;
		if (call.call === 'delete') drop(known);
		else if (launch(known) === 'error') return 'start_failed';
		return 'ok';
	}

	const all = (node: Node): readonly Node[] => [node, ...node.children.flatMap(all)];

	return {
		top,
		story,
		start: () => launch(top),
		end,
		admin,
		running: () => all(top).filter(({ state }) => state === 'running'),
		advance(ms) {
			const untilMs = nowMs + ms;
			for (;;) {
				const [next] = all(top)
					.filter(({ due }) => due && due.atMs <= untilMs)
					.toSorted((one, two) => dueBefore(one, two));
				if (!next?.due || !next.parent) break;
				nowMs = next.due.atMs;
				next.due = undefined;
				restart(next, next.parent);
			}
			nowMs = untilMs;
		},
	};
}

function dueBefore({ due: one }: Node, { due: two }: Node): number {
	if (!one || !two) return 0;
	return one.atMs - two.atMs || one.order - two.order;
}

function seed(plan: Plan, parent: Node | undefined): Node {
	const path = parent ? `${parent.path}/${plan.id}` : plan.id;
	return { plan, path, parent, state: 'stopped', children: [], restarts: [], due: undefined };
}

/** The tree in one line: `top(a b:stopped pool(x y))`; the children of pools have no order. */
export function pictureOf({ plan, state, children }: Node): string {
	if (state !== 'running') return `${plan.id}:${state}`;
	if (plan.kind === 'worker') return plan.id;
	const inside = children.map(pictureOf);
	if (plan.strategy === 'simple_one_for_one') inside.sort();
	return `${plan.id}(${inside.join(' ')})`;
}
