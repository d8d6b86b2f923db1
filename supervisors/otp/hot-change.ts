/**
 * Hot changes, pure: a supervisor takes another specification while its children run, as OTP's
 * `code_change/3` does. A dry run only returns the difference.
 *
 * @module
 */
import type { CheckedChild, CheckedSupervisor } from './child-spec.ts';
import type { Refusal } from './child-management.ts';
import * as children from './children.ts';
import type { Member, Children } from './children.ts';
import { checkSupervisor } from './spec-check.ts';

/** What a change does, or would do. */
export interface SpecDiff {
	/** The names of the supervisor's own settings that get another value. */
	readonly settings: readonly string[];
	/** Children that are new. They are specified, and not started. */
	readonly added: readonly string[];
	/** Children whose specification changes. They keep running; it applies from their next start. */
	readonly changed: readonly string[];
	/** Children that are not in the new list. They stay until they are deleted. */
	readonly leftOver: readonly string[];
	/** The start order afterwards: the new list, then what is left over. */
	readonly order: readonly string[];
}

const settings = [
	'strategy',
	'intensity',
	'period',
	'autoShutdown',
	'maxChildren',
	'backoff',
	'version',
] as const satisfies readonly (keyof CheckedSupervisor)[];
const childFields = [
	'start',
	'restart',
	'shutdown',
	'type',
	'significant',
	'limit',
] as const satisfies readonly (keyof CheckedChild)[];

const isSame = (one: unknown, other: unknown): boolean =>
	one === other ||
	(typeof one === 'object' &&
		typeof other === 'object' &&
		JSON.stringify(one) === JSON.stringify(other));

/** Changes the specification, unless `isDryRun`, and returns the difference. */
export function changeSpecs(
	state: Children,
	given: unknown,
	isDryRun: boolean,
): SpecDiff | Refusal {
	// OTP's callback may say `ignore`, and then nothing changes.
	const next = given === 'ignore' ? presentSpec(state) : checkSupervisor(given);
	if ('error' in next) return next;
	if (next.name !== state.spec.name) return wrong('invalid_name', `the name is ${state.spec.name}`);
	if (children.isSimple(state) !== (next.strategy === 'simple_one_for_one')) {
		return wrong('invalid_strategy', 'dynamic children cannot become static ones, nor the reverse');
	}
	const diff = diffOf(state, next);
	if (!isDryRun) apply(state, next);
	return diff;
}

function presentSpec(state: Children): CheckedSupervisor {
	if (children.isSimple(state)) return state.spec;
	return { ...state.spec, children: children.membersOf(state).map(({ spec }) => spec) };
}

function wrong(fault: 'invalid_name' | 'invalid_strategy', detail: string): Refusal {
	return { error: 'bad_spec', fault, detail };
}

function diffOf(state: Children, next: CheckedSupervisor): SpecDiff {
	const known = knownSpecs(state, next);
	const wanted = next.children.map(({ id }) => id);
	const leftOver = [...known.keys()].filter((id) => !wanted.includes(id));
	const isChanged = (spec: CheckedChild): boolean => {
		const old = known.get(spec.id);
		return old !== undefined && childFields.some((field) => !isSame(old[field], spec[field]));
	};
	return {
		settings: settings.filter((key) => !isSame(state.spec[key], next[key])),
		added: wanted.filter((id) => !known.has(id)),
		changed: next.children.filter(isChanged).map(({ id }) => id),
		leftOver,
		order: [...wanted, ...leftOver],
	};
}

/** By id. A template is compared with the next one, whatever their ids are. */
function knownSpecs(state: Children, next: CheckedSupervisor): ReadonlyMap<string, CheckedChild> {
	if (children.isSimple(state)) {
		return new Map(next.children.map(({ id }) => [id, children.templateOf(state)]));
	}
	return new Map([...state.byId].map(([id, { spec }]) => [id, spec]));
}

function apply(state: Children, next: CheckedSupervisor): void {
	state.spec = next;
	if (children.isSimple(state)) {
		const template = children.templateOf(state);
		for (const member of state.byChild.values()) member.spec = template;
		return;
	}
	const order = new Map<string, Member>();
	for (const spec of next.children) {
		const member = state.byId.get(spec.id) ?? children.newMember(spec);
		member.spec = spec;
		order.set(spec.id, member);
	}
	for (const [id, member] of state.byId) if (!order.has(id)) order.set(id, member);
	state.byId = order;
}
