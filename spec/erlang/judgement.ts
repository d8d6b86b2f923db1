/**
 * Plays scenarios on Erlang and here, and judges what differs.
 *
 * @module
 */
import { besides, ordered, slowLine } from './comparison.ts';
import { cornerCases } from './corner-cases.ts';
import {
	declaredDifferences,
	type DeclaredDifference,
	type Traces,
} from './declared-differences.ts';
import type { ErlangPlayer } from './erlang-player.ts';
import { playHere } from './reeve-player.ts';
import type { Scenario } from './scenario.ts';

/** How many scenarios Erlang plays at a time; and those whose time was short, or that differ. */
const atOnce = { first: 48, again: 8 };
/** More differences than these are no matter of time; more that were slow would be so again. */
const againMax = { odd: 300, slow: 60 };

/** A scenario whose traces differ. */
export interface Difference extends Traces {
	/** The difference that is declared and explains it. */
	readonly declared: DeclaredDifference | undefined;
}

/** What came of a comparison. */
export interface Judgement {
	readonly compared: number;
	/** Scenarios that were too slow twice, because the machine had other work. */
	readonly slow: readonly Scenario[];
	readonly differences: readonly Difference[];
}

const byHand = new Set(cornerCases.map(({ name }) => name));

function declaredFor(found: Traces): DeclaredDifference | undefined {
	const { name } = found.scenario;
	return declaredDifferences.find(
		({ scenarios, explains }) =>
			(byHand.has(name) && scenarios.test(name)) || (explains?.(found) ?? false),
	);
}

interface Round {
	readonly slow: readonly Scenario[];
	readonly differences: readonly Difference[];
}

async function playRound(
	player: ErlangPlayer,
	scenarios: readonly Scenario[],
	width: number,
): Promise<Round> {
	if (scenarios.length === 0) return { slow: [], differences: [] };
	const traces = await player.play(scenarios, width);
	const slow: Scenario[] = [];
	const differences: Difference[] = [];
	for (const scenario of scenarios) {
		const [erlang, ours] = [traces.get(scenario.id) ?? ['!missing'], await playHere(scenario)];
		if (erlang.includes(slowLine) || ours.includes(slowLine)) {
			slow.push(scenario);
			continue;
		}
		const found = { scenario, erlang: ordered(erlang, scenario), ours: ordered(ours, scenario) };
		if (found.erlang.join('\n') === found.ours.join('\n')) continue;
		differences.push({ ...found, declared: declaredFor(found) });
	}
	return { slow, differences };
}

/** Plays the scenarios. What was too slow, or differs though it should not, is played once more. */
export async function judge(
	player: ErlangPlayer,
	scenarios: readonly Scenario[],
): Promise<Judgement> {
	const first = await playRound(player, scenarios, atOnce.first);
	const meant = first.differences.filter(({ declared }) => declared);
	const odd = first.differences.filter(({ declared }) => !declared);
	const again = first.slow.slice(0, againMax.slow);
	const isEnough = odd.length < againMax.odd;
	if (isEnough) again.push(...odd.map(({ scenario }) => scenario));
	const second = await playRound(player, again, atOnce.again);
	const slow = [...second.slow, ...first.slow.slice(againMax.slow)];
	const left = isEnough ? second.differences : [...odd, ...second.differences];
	const compared = scenarios.length - slow.length;
	return { compared, slow, differences: [...meant, ...left] };
}

/** The differences that no row of the documentation declares. */
export const undeclared = ({ differences }: Judgement): readonly Difference[] =>
	differences.filter(({ declared }) => !declared);

/** Scenarios by hand that are equal, though a declared difference names them. */
export function equalNow(
	{ differences, slow }: Judgement,
	scenarios: readonly Scenario[],
): readonly string[] {
	const others = new Set([...differences.map(({ scenario }) => scenario), ...slow]);
	const named = ({ name }: Scenario) =>
		byHand.has(name) && declaredDifferences.some((each) => each.scenarios.test(name));
	return scenarios.filter((each) => named(each) && !others.has(each)).map(({ name }) => name);
}

/** A difference for people: the scenario, and both traces beside each other. */
export function differenceText({ scenario, erlang, ours }: Difference): string {
	const { id: _id, name, ...rest } = scenario;
	return `${name}\n${JSON.stringify(rest)}\n${besides(erlang, ours)}`;
}
