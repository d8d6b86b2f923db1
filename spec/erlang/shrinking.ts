/**
 * Makes a scenario smaller, as long as it differs in a way that is not declared.
 *
 * @module
 */
import type { ErlangPlayer } from './erlang-player.ts';
import { judge, undeclared, type Difference } from './judgement.ts';
import type { Scenario } from './scenario.ts';

const roundsMax = 30;
/** How many smaller scenarios are played in one round. */
const candidatesMax = 250;

/** What a plan or a step can be without. */
const optional = new Set([
	'restart',
	'shutdown',
	'type',
	'significant',
	'auto',
	'name',
	'trap',
	'shape',
	'period',
	'intensity',
	'ignore',
]);

/** Whatever is one thing less than this. */
export function* smaller<Value>(value: Value): Generator<Value> {
	if (Array.isArray(value)) {
		for (const at of value.keys()) yield value.toSpliced(at, 1) as Value;
		for (const [at, item] of value.entries()) {
			for (const less of smaller(item)) yield value.with(at, less) as Value;
		}
	} else if (typeof value === 'object' && value !== null) {
		yield* withLess(value);
	}
}

function* withLess<Value extends object>(value: Value): Generator<Value> {
	const fields = value as Readonly<Record<string, unknown>>;
	for (const [key, item] of Object.entries(fields)) {
		if (!optional.has(key)) {
			for (const less of smaller(item)) yield { ...value, [key]: less };
			continue;
		}
		// A supervisor must not wait without limit for a child that refuses to end.
		if (key === 'shutdown' && fields['trap'] === 'refuse') continue;
		const { [key]: _own, ...others } = fields;
		yield others as Value;
	}
}

/** The smallest scenario that was found, with its traces. */
export async function shrink(player: ErlangPlayer, found: Difference): Promise<Difference> {
	let best = found;
	for (let round = 0; round < roundsMax; round += 1) {
		const candidates = smallerScenarios(best.scenario).slice(0, candidatesMax);
		const [next] = undeclared(await judge(player, candidates)).filter(isSound);
		if (!next) break;
		best = next;
	}
	return best;
}

function smallerScenarios(scenario: Scenario): readonly Scenario[] {
	const parts = ['steps', 'init', 'top'] as const;
	const all = parts.flatMap((part) =>
		[...smaller<unknown>(scenario[part])].map((less): Scenario => ({ ...scenario, [part]: less })),
	);
	return all.map((each, at) => ({ ...each, id: at + 1 }));
}

/** A scenario that broke a player shows nothing. */
const isSound = ({ erlang, ours }: Difference): boolean =>
	![...erlang, ...ours].some((line) => line.startsWith('!'));
