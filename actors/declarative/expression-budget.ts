/**
 * The budget of expressions: how much work those of one turn may do. Without it, a few nested
 * loops over a list of an event would stop the node for minutes. Work is counted, not timed, so
 * that a turn ends in the same way on every node and when it is replayed.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';

/**
 * The steps that the expressions of one turn may take. A step is one part of an expression that is
 * evaluated, one item of a list that is walked through, or some hundred characters of a text. It
 * takes about a microsecond, so a turn cannot hold up its node for more than some tenth of a
 * second. It is no setting, because a turn has to end alike wherever it is replayed.
 */
const expressionStepsMax = 100_000;

/** What the expressions of a turn may still do. */
export interface Budget {
	/** Gives the full number of steps back: a turn begins. */
	readonly begin: () => void;
	/**
	 * Takes steps. Once they are used up, it throws at every call.
	 *
	 * @throws ReeveError `expression_limit`
	 */
	readonly spend: (steps: number) => void;
	/** The error of {@link Budget.spend}, if the steps are used up. */
	readonly error: () => ReeveError | undefined;
}

/** Creates a full budget. */
export function createBudget(stepsMax = expressionStepsMax): Budget {
	let left = stepsMax;
	let error: ReeveError | undefined;
	return {
		begin() {
			left = stepsMax;
			error = undefined;
		},
		spend(steps) {
			left -= steps;
			if (left >= 0) return;
			// One error for all calls: loops of the language catch it, and may do so for each item.
			error ??= new ReeveError('expression_limit', `more than ${stepsMax} steps in one turn`);
			throw error;
		},
		error: () => error,
	};
}

/** How many levels a value may have that an expression works on. */
export const levelsMax = 100;

/** Characters that take about as long as one step, where a text is copied or compared. */
const charactersPerStep = 256;

/** The steps that a text of this length costs. */
export function textSteps(length: number): number {
	return Math.ceil(length / charactersPerStep);
}

/**
 * Spends what a value costs that is copied or compared with all its parts: a step for each. A part
 * that occurs twice counts twice.
 *
 * @throws ReeveError `expression_limit`
 */
export function spendParts(value: unknown, budget: Budget, level = 0): void {
	budget.spend(typeof value === 'string' ? 1 + textSteps(value.length) : 1);
	if (typeof value !== 'object' || value === null) return;
	if (level > levelsMax) throw tooDeep();
	if (value instanceof Uint8Array) {
		budget.spend(textSteps(value.length));
		return;
	}
	const parts: Iterable<unknown> = Array.isArray(value) ? value : partsOf(value);
	for (const part of parts) spendParts(part, budget, level + 1);
}

function partsOf(value: object): Iterable<unknown> {
	return value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
}

/**
 * Refuses a value whose first parts nest too deep: the language looks at these, level by level, to
 * find the type of a list.
 *
 * @throws ReeveError `expression_limit`
 */
export function checkLevels(value: unknown): void {
	let part = value;
	for (let level = 0; typeof part === 'object' && part !== null; level += 1) {
		if (level > levelsMax) throw tooDeep();
		part = firstOf(part);
	}
}

function firstOf(value: object): unknown {
	if (Array.isArray(value)) return value[0] as unknown;
	if (value instanceof Map || value instanceof Set) return value.values().next().value;
	if (value instanceof Uint8Array) return undefined;
	for (const key in value) return Reflect.get(value, key);
	return undefined;
}

function tooDeep(): ReeveError {
	return new ReeveError('expression_limit', `a value is nested deeper than ${levelsMax}`);
}
