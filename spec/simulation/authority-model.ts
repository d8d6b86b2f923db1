/**
 * A model of authority, written apart from the code that it judges: what a fleet with random rules
 * may do for a random request. It knows principals and rules, and neither messages nor signatures.
 *
 * The rules change once, after everything that was asked for has been done but for what waits for a
 * time or for a start of its node. That is done by the later rules.
 *
 * @module
 */

/** What is asked for. */
export type Action =
	/** Leaves a mark. */
	| { readonly kind: 'note'; readonly method: 'NOTE' | 'SINK'; readonly tag: string }
	| { readonly kind: 'relay'; readonly to: string; readonly inner: Action }
	/** An actor sends it on: at once, after an answer, or when a timer or a step has ended. */
	| {
			readonly kind: 'forward';
			readonly mode: 'send' | 'timer' | 'ask' | 'step';
			readonly to: string;
			readonly inner: Action;
	  }
	/** Sends it at the next start of the node. */
	| { readonly kind: 'startup'; readonly tag: string; readonly to: string; readonly inner: Action }
	/** Copies a file of the node to another. */
	| { readonly kind: 'copy'; readonly to: string; readonly tag: string }
	/** Writes the outcome to a file; only as a reply. */
	| { readonly kind: 'file'; readonly tag: string };

/** A request that is handed in at a node. */
export interface Request {
	readonly at: string;
	/** `local`, `client` or `client:NAME`. */
	readonly by: string;
	readonly to: string;
	readonly action: Action;
	readonly reply?: Action;
	/** Then it is a note that is left twice: at once, and after the rules have changed. */
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

/** The rules at first, and those after the change. */
export type Fleets = readonly [first: Fleet, later: Fleet];

/** Which rules are in force. */
type When = 0 | 1;

/** The method that takes an action. */
export function methodOf(action: Action): string {
	switch (action.kind) {
		case 'note':
			return action.method;
		case 'relay':
			return 'REQRelay';
		case 'forward':
			return 'Forward';
		case 'startup':
			return 'REQStartupWrite';
		case 'copy':
			return 'REQCopySrc';
		case 'file':
			return 'REQToFileAppend';
	}
}

/** On its way: whose it is, and by which rules. */
interface Way {
	readonly chain: readonly string[];
	readonly when: When;
}

/**
 * All that may be done for a request, as `node method tag`, as often as it may be done. A file is
 * counted once.
 */
export function permitted(fleets: Fleets, request: Request): readonly string[] {
	const done: string[] = [];
	const written = new Set<string>();
	/** What is sent at the next start of a node. */
	const atStart: (() => void)[] = [];
	const mayAll = (node: string, { chain, when }: Way, method: string) =>
		chain.every((each) =>
			may(fleets[when].get(node), each === `node:${node}` ? 'local' : each, method),
		);
	const through = (node: string, { chain, when }: Way): Way => {
		const link = `node:${node}`;
		return { chain: chain.includes(link) ? chain : [...chain, link], when };
	};

	const arrive = ([from, to]: readonly [string, string], way: Way, action: Action): boolean => {
		if (from === to) return perform(to, way, action);
		const all = through(from, way);
		const methods = [methodOf(action), ...comingBack(to, action)];
		return methods.every((each) => mayAll(to, all, each)) && perform(to, all, action);
	};
	const perform = (node: string, way: Way, action: Action): boolean => {
		if (!mayAll(node, way, methodOf(action))) return false;
		switch (action.kind) {
			case 'note':
				done.push(`${node} ${action.method} ${action.tag}`);
				return true;
			case 'file':
				written.add(`${node} file ${action.tag}`);
				return true;
			case 'relay':
				return arrive([node, action.to], way, action.inner);
			case 'forward':
				arrive([node, action.to], isDelayed(action) ? { ...way, when: 1 } : way, action.inner);
				return true;
			case 'startup': {
				if (way.when === 0) atStart.push(() => start(node, { ...way, when: 1 }, action));
				return true;
			}
			case 'copy': {
				const all = node === action.to ? way : through(node, way);
				const isCopied = mayAll(action.to, all, 'REQCopyDst');
				if (isCopied) written.add(`${action.to} copy ${action.tag}`);
				return isCopied;
			}
		}
	};
	const start = (node: string, way: Way, { to, inner }: Extract<Action, { kind: 'startup' }>) => {
		const early = [...(to === node ? [methodOf(inner)] : []), ...comingBack(node, inner)];
		const all = { ...way, chain: ['local', ...way.chain] };
		if (early.every((each) => mayAll(node, all, each))) arrive([node, to], way, inner);
	};

	const { at, by, to, action, isScheduled } = request;
	// `REQStartupWrite` has no replies.
	const reply = action.kind === 'startup' ? undefined : request.reply;
	const once = (when: When, isThere: boolean): boolean => {
		const way = { chain: by === 'local' ? [] : [by], when };
		const isDone = isThere
			? perform(to, at === to ? way : through(at, way), action)
			: arrive([at, to], way, action);
		if (isDone && reply) perform(at, way, reply);
		return isDone;
	};
	const early = earlyMethods({ at, to, action, reply });
	const mayHandIn = early.every((each) => may(fleets[0].get(at), by, each));
	if (mayHandIn && once(0, false) && isScheduled) once(1, true);
	for (const each of atStart) each();
	return [...done, ...written];
}

/** What is decided where a request is handed in. */
interface HandedIn extends Pick<Request, 'at' | 'to' | 'action'> {
	readonly reply: Action | undefined;
}

/** The methods for which is asked at once where a request is handed in. */
function earlyMethods(asked: HandedIn): readonly string[] {
	const { at, to, action, reply } = asked;
	return [
		...(to === at ? [methodOf(action)] : []),
		...comingBack(at, action),
		...(reply ? [methodOf(reply), ...comingBack(at, reply)] : []),
	];
}

/** Whether an action waits for a time, and is done by the later rules. */
export function isDelayed(action: Action): boolean {
	return action.kind === 'forward' && ['timer', 'step'].includes(action.mode);
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
const callers = ['client', 'client:alice', ...nodes] as const;
const words = ['local', 'client:*', '*', ...callers] as const;
const methods = [
	'NOTE',
	'SINK',
	'REQRelay',
	'Forward',
	'REQStartupWrite',
	'REQCopySrc',
	'REQCopyDst',
	'REQToFileAppend',
	'REQPing',
];

/**
 * Draws from a source of random numbers between 0 and 1. Most callers may do most things: then it
 * is one link alone that may not, and a link that is forgotten shows.
 */
export function createDraw(random: () => number) {
	const below = (limit: number) => Math.floor(random() * limit);
	const one = <Value>(list: readonly Value[]): Value => list[below(list.length)] as Value;
	let tags = 0;
	const nextTag = () => `t${(tags += 1)}`;

	const note = (): Action => ({
		kind: 'note',
		method: one(['NOTE', 'SINK'] as const),
		tag: nextTag(),
	});
	const action = (depth: number): Action => {
		if (depth === 0) return note();
		const to = one(nodes);
		const kind = one(['note', 'relay', 'relay', 'forward', 'forward', 'startup', 'copy'] as const);
		switch (kind) {
			case 'relay':
				return { kind, to, inner: action(depth - 1) };
			case 'forward': {
				const mode = one(['send', 'timer', 'ask', 'step'] as const);
				return { kind, mode, to, inner: action(depth - 1) };
			}
			case 'startup':
				return { kind, tag: nextTag(), to, inner: action(depth - 1) };
			case 'copy':
				return random() < 0.4 ? { kind, to, tag: nextTag() } : note();
			case 'note':
				return note();
		}
	};
	const reply = (depth: number): Action => {
		const kind = depth === 0 ? 'note' : one(['note', 'file', 'relay', 'copy'] as const);
		if (kind === 'file') return { kind, tag: nextTag() };
		if (kind === 'relay') return { kind, to: one(nodes), inner: reply(0) };
		return kind === 'copy' ? { kind, to: one(nodes), tag: nextTag() } : note();
	};
	const allowed = (from: string): readonly Rule[] => {
		const chance = random();
		if (chance < 0.5) return [{ from, method: '*', effect: 'allow' }];
		const share = chance < 0.85 ? 0.7 : 0;
		const some = methods.filter(() => random() < share);
		return some.map((method) => ({ from, method, effect: 'allow' }));
	};
	const rules = (): readonly Rule[] | undefined => {
		if (random() < 0.1) return undefined;
		const denied = Array.from({ length: below(3) }, () => ({
			from: one(words),
			method: one(methods),
			effect: 'deny' as const,
		}));
		return [...callers.flatMap(allowed), ...denied];
	};
	return {
		fleets(): Fleets {
			const first = new Map(nodes.map((node) => [node, rules()]));
			const others = random() < 0.5 ? [] : nodes.filter(() => random() < 0.5);
			return [first, new Map([...first, ...others.map((node) => [node, rules()] as const)])];
		},
		request(): Request {
			const at = one(nodes);
			const by = one(['local', 'client', 'client:alice'] as const);
			const isScheduled = random() < 0.25;
			const answered = random() < 0.5 ? { reply: reply(1) } : {};
			const to = by === 'local' ? one(nodes) : at;
			return { at, by, to, action: isScheduled ? note() : action(3), ...answered, isScheduled };
		},
		/** Whether a node ends without a word before the rules change. */
		dies: () => random() < 0.03,
	};
}
