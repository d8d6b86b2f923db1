/**
 * Plays scenarios on Erlang and here, and judges what differs.
 *
 * @module
 */
import { besides, ordered, slowLine, type Trace } from './comparison.ts';
import { cornerCases } from './corner-cases.ts';
import { declaredDifferences, type DeclaredDifference } from './declared-differences.ts';
import type { ErlangPlayer } from './erlang-player.ts';
import { playHere } from './reeve-player.ts';
import type { Scenario } from './scenario.ts';

/** How many scenarios Erlang plays at a time; and those whose time was short, or that differ. */
const atOnce = { first: 48, again: 8 };
/** More differences than these are no matter of time. */
const againMax = 300;

/** A scenario whose traces differ. */
export interface Difference {
	readonly scenario: Scenario;
	readonly erlang: Trace;
	readonly ours: Trace;
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

function declaredFor(found: Omit<Difference, 'declared'>): DeclaredDifference | undefined {
	const { scenario, erlang, ours } = found;
	return declaredDifferences.find(({ scenarios, explains }) =>
		byHand.has(scenario.name) && scenarios.test(scenario.name)
			? true
			: (explains?.(erlang, ours) ?? false),
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
	const again = [...odd.map(({ scenario }) => scenario), ...first.slow];
	const second =
		again.length > 0 && again.length < againMax
			? await playRound(player, again, atOnce.again)
			: { slow: first.slow, differences: odd };
	const { slow } = second;
	const compared = scenarios.length - slow.length;
	return { compared, slow, differences: [...meant, ...second.differences] };
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
