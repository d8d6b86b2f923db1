/**
 * A model of authority, written apart from the code that it judges: what a fleet with random rules
 * may do for a random request. It knows principals and rules, and neither messages nor signatures.
 *
 * @module
 */

/** What is asked for. */
export type Action =
	/** Leaves a mark. */
	| { readonly kind: 'note'; readonly method: 'NOTE' | 'SINK'; readonly tag: string }
	| { readonly kind: 'relay'; readonly to: string; readonly inner: Action }
	/** An actor sends it on: at once, or when a timer, an answer or a step has come. */
	| {
			readonly kind: 'forward';
			readonly mode: 'send' | 'timer' | 'ask' | 'step';
			readonly to: string;
			readonly inner: Action;
	  }
	/** Copies a file of the node to another. */
	| { readonly kind: 'copy'; readonly to: string; readonly tag: string };

/** A request that is handed in at a node. */
export interface Request {
	readonly at: string;
	/** `local`, `client` or `client:NAME`. */
	readonly by: string;
	readonly to: string;
	readonly action: Action;
	readonly reply?: Action;
	readonly isScheduled: boolean;
}

/** A rule, as it stands in acl.yaml. */
export interface Rule {
	readonly from: string;
	readonly method: string;
	readonly effect: 'allow' | 'deny';
}

/** The rules of each node; a node that has none allows everything. */
export type Fleet = ReadonlyMap<string, readonly Rule[] | undefined>;

/** The method that takes an action. */
export function methodOf(action: Action): string {
	switch (action.kind) {
		case 'note':
			return action.method;
		case 'relay':
			return 'REQRelay';
		case 'forward':
			return 'Forward';
		case 'copy':
			return 'REQCopySrc';
	}
}

/** All that may be done for a request, as `node method tag`. */
export function permitted(fleet: Fleet, request: Request): ReadonlySet<string> {
	const done = new Set<string>();
	const mayAll = (node: string, chain: readonly string[], method: string) =>
		chain.every((each) => may(fleet.get(node), each === `node:${node}` ? 'local' : each, method));

	const arrive = (
		[from, to]: readonly [string, string],
		chain: readonly string[],
		action: Action,
	): boolean => {
		if (from === to) return perform(to, chain, action);
		const all = [...chain, `node:${from}`];
		const methods = [methodOf(action), ...comingBack(to, action)];
		return methods.every((each) => mayAll(to, all, each)) && perform(to, all, action);
	};
	const perform = (node: string, chain: readonly string[], action: Action): boolean => {
		if (!mayAll(node, chain, methodOf(action))) return false;
		switch (action.kind) {
			case 'note':
				done.add(`${node} ${action.method} ${action.tag}`);
				return true;
			case 'relay':
				return arrive([node, action.to], chain, action.inner);
			case 'forward':
				arrive([node, action.to], chain, action.inner);
				return true;
			case 'copy': {
				const all = node === action.to ? chain : [...chain, `node:${node}`];
				const isCopied = mayAll(action.to, all, 'REQCopyDst');
				if (isCopied) done.add(`${action.to} copy ${action.tag}`);
				return isCopied;
			}
		}
	};

	const { at, by, to, action, reply } = request;
	const mayHere = (method: string) => may(fleet.get(at), by, method);
	const early = [
		...(to === at ? [methodOf(action)] : []),
		...comingBack(at, action),
		...(reply ? [methodOf(reply), ...comingBack(at, reply)] : []),
	];
	if (!early.every(mayHere)) return done;
	const chain = by === 'local' ? [] : [by];
	if (arrive([at, to], chain, action) && reply) perform(at, chain, reply);
	return done;
}

/** The methods that an action calls at a node as it is sent on, as far as one can see it. */
function comingBack(node: string, action: Action): readonly string[] {
	if (action.kind === 'copy') return action.to === node ? ['REQCopyDst'] : [];
	if (action.kind !== 'relay') return [];
	const further = comingBack(node, action.inner);
	return action.to === node ? [methodOf(action.inner), ...further] : further;
}

function may(rules: readonly Rule[] | undefined, who: string, method: string): boolean {
	if (!rules) return true;
	const words = wordsFor(who);
	const about = rules.filter(
		(rule) => words.includes(rule.from) && ['*', method].includes(rule.method),
	);
	if (about.some(({ effect }) => effect === 'deny')) return false;
	return who === 'local' || about.length > 0;
}

function wordsFor(who: string): readonly string[] {
	if (who === 'client') return ['*', 'client'];
	if (who.startsWith('client:')) return ['*', 'client', 'client:*', who];
	return ['*', who.replace(/^node:/, '')];
}

/** The nodes of a fleet; the first is central. */
export const nodes = ['central', 'ship1', 'ship2'] as const;
const callers = ['local', 'client', 'client:alice', 'client:*', '*', ...nodes] as const;
const methods = ['*', 'NOTE', 'SINK', 'REQRelay', 'Forward', 'REQCopySrc', 'REQCopyDst', 'REQPing'];

/** Draws from a source of random numbers between 0 and 1. */
export function createDraw(random: () => number) {
	const below = (limit: number) => Math.floor(random() * limit);
	const one = <Value>(list: readonly Value[]): Value => list[below(list.length)] as Value;
	let tags = 0;
	const nextTag = () => `t${(tags += 1)}`;

	const action = (depth: number, mayForward = true): Action => {
		const kind = depth === 0 ? 'note' : one(['note', 'relay', 'relay', 'forward', 'copy'] as const);
		if (kind === 'relay') return { kind, to: one(nodes), inner: action(depth - 1, mayForward) };
		if (kind === 'forward' && mayForward) {
			const mode = one(['send', 'timer', 'ask', 'step'] as const);
			return { kind, mode, to: one(nodes), inner: action(depth - 1) };
		}
		if (kind === 'copy' && random() < 0.3) return { kind, to: one(nodes), tag: nextTag() };
		return { kind: 'note', method: one(['NOTE', 'SINK'] as const), tag: nextTag() };
	};
	const rules = (): readonly Rule[] | undefined => {
		if (random() < 0.15) return undefined;
		return Array.from({ length: 1 + below(7) }, () => ({
			from: one(callers),
			method: random() < 0.4 ? '*' : one(methods),
			effect: random() < 0.85 ? ('allow' as const) : ('deny' as const),
		}));
	};
	return {
		fleet: (): Fleet => new Map(nodes.map((node) => [node, rules()])),
		request(): Request {
			const at = one(nodes);
			const by = one(['local', 'client', 'client:alice'] as const);
			const isScheduled = random() < 0.15;
			const base = { at, by, to: by === 'local' ? one(nodes) : at };
			if (isScheduled) {
				const asked = {
					kind: 'note',
					method: one(['NOTE', 'SINK'] as const),
					tag: nextTag(),
				} as const;
				const reply = random() < 0.7 ? { reply: action(1, false) } : {};
				return { ...base, action: asked, ...reply, isScheduled };
			}
			const reply = random() < 0.4 ? { reply: action(2, false) } : {};
			return { ...base, action: action(3), ...reply, isScheduled };
		},
	};
}
