/**
 * The meter of expressions: counts what an expression does while it is evaluated, part by part. The
 * language has no limit of its own on that. So each part of a parsed expression is given a count of
 * its evaluations, and each operator and function one of its operands, before it works on them.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { readPattern, type Pattern } from '../../runtime/text/pattern.ts';
import { checkLevels, spendParts, textSteps, type Budget } from './expression-budget.ts';

/** A part of a parsed expression, as the language keeps it. */
interface Part {
	readonly op: string;
	readonly args: unknown;
	readonly meta: { readonly evaluate: Work; readonly alternate?: unknown; readonly macro?: Macro };
	readonly setMeta: (name: string, value: unknown) => void;
	/** What it does with its operands, once these are evaluated. */
	handle?: Work;
}

/** A part with an evaluation of its own, such as `has`. */
interface Macro {
	evaluate: Work;
}

type Work = (...given: readonly unknown[]) => unknown;

/**
 * Meters a parsed expression, whose types have been checked. The budget is looked up at each
 * evaluation, because every turn has its own.
 */
export function meter(root: unknown, budget: () => Budget): void {
	const known = new Set<unknown>();
	const visit = (value: unknown): void => {
		if (typeof value !== 'object' || value === null || known.has(value)) return;
		known.add(value);
		if (isPart(value)) {
			meterPart(value, budget);
			visit(value.meta.alternate);
			visit(value.meta.macro);
			visit(value.args);
		} else if (Array.isArray(value)) for (const item of value) visit(item);
		else if (Object.getPrototypeOf(value) === Object.prototype) {
			for (const item of Object.values(value)) visit(item);
		}
	};
	visit(root);
}

function isPart(value: object): value is Part {
	return 'op' in value && 'setMeta' in value;
}

/** The error that was counted last. */
let lastError: unknown;

function meterPart(part: Part, budget: () => Budget): void {
	const { alternate, macro, evaluate } = part.meta;
	// It is replaced by another one, which is metered itself.
	if (alternate !== undefined) return;
	const counted =
		(work: Work): Work =>
		(language, self, values) => {
			budget().spend(1);
			try {
				return work(language, self, values);
			} catch (thrown) {
				// Loops and alternatives catch errors, which take long to make; each counts once.
				if (thrown !== lastError) budget().spend(errorSteps);
				lastError = thrown;
				throw thrown;
			}
		};
	if (macro) macro.evaluate = counted(macro.evaluate.bind(macro));
	else part.setMeta('evaluate', counted(evaluate));
	const { handle } = part;
	const charge = chargeOf(part);
	if (!handle || !charge) return;
	part.handle = (...given) => {
		const own = charge(given, budget());
		return own === undefined ? handle.apply(part, [...given]) : own;
	};
}

/** Spends what an operation costs; gives its result if it is done here. */
type Charge = (given: readonly unknown[], budget: Budget) => unknown;

/** The arguments of what a part does; undefined if it costs no more than its evaluation. */
function chargeOf({ op, args }: Part): Charge | undefined {
	if (op === 'comprehension') return ([items], budget) => budget.spend(lengthOf(items));
	if (Object.hasOwn(operators, op)) {
		const charge = operators[op];
		return ([left, right], budget) => charge?.([left, right], budget);
	}
	if (op !== 'call' && op !== 'rcall') return undefined;
	const [name, , rest] = args as readonly [string, unknown, readonly unknown[] | undefined];
	if (op === 'rcall' && name === 'matches') return matching(rest?.[0]);
	const charge = Object.hasOwn(functions, name) ? functions[name] : spendTexts;
	return ([operands], budget) => {
		const all = operands as readonly unknown[];
		for (const operand of all) checkLevels(operand);
		return charge?.(all, budget);
	};
}

/** Tests a text by a pattern, in place of the language, which would use JavaScript's own engine. */
function matching(written: unknown): Charge {
	const constant = constantPattern(written);
	return ([operands], budget) => {
		const [text, source] = operands as readonly unknown[];
		if (typeof text !== 'string' || typeof source !== 'string') return undefined;
		return isFound(text, constant ?? newPattern(source, budget), budget);
	};
}

const compared: Charge = (operands, budget) => {
	for (const operand of operands) {
		checkLevels(operand);
		spendParts(operand, budget);
	}
};

const joined: Charge = (operands, budget) => {
	for (const operand of operands) checkLevels(operand);
	spendTexts(operands, budget);
	for (const operand of operands) if (Array.isArray(operand)) budget.spend(operand.length);
};

const operators: Readonly<Record<string, Charge>> = {
	'==': compared,
	'!=': compared,
	in: compared,
	'<': spendTexts,
	'<=': spendTexts,
	'>': spendTexts,
	'>=': spendTexts,
	'+': joined,
};

const functions: Readonly<Record<string, Charge>> = {
	contains: spendSearch,
	indexOf: spendSearch,
	lastIndexOf: spendSearch,
	split([text, separator, ...rest], budget) {
		spendSearch([text, separator, ...rest], budget);
		// As many pieces at the most.
		if (typeof text === 'string') budget.spend(Math.ceil(text.length / 8));
	},
	join([list, separator = ''], budget) {
		spendParts(list, budget);
		if (typeof separator === 'string') budget.spend(textSteps(lengthOf(list) * separator.length));
	},
	size([value], budget) {
		if (typeof value === 'string') budget.spend(2 * textSteps(value.length));
		else if (!Array.isArray(value)) budget.spend(lengthOf(value));
	},
	lowerAscii: spendLetters,
	upperAscii: spendLetters,
	fromJson: spendReading,
	json: spendReading,
	duration([text]) {
		if (typeof text !== 'string' || text.length <= durationLengthMax) return;
		throw new ReeveError(
			'expression_limit',
			`a duration has ${durationLengthMax} characters at the most`,
		);
	},
};

// Names of time zones make these slow.
for (const name of ['Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear', 'FullYear', 'Hours']) {
	Reflect.set(functions, `get${name}`, spendZone);
}
for (const name of ['Milliseconds', 'Minutes', 'Month', 'Seconds']) {
	Reflect.set(functions, `get${name}`, spendZone);
}

/** How long it takes to make an error, in steps. */
const errorSteps = 25;
/** Far more than `-2h45m1.5s`. */
const durationLengthMax = 100;
/** The work of the pattern engine for one character and one part of the pattern, in steps. */
const patternPartsPerStep = 8;
/** The work of reading one part of a pattern, in steps. */
const readingSteps = 8;
/** How long it takes to find the time in a zone, in steps. */
const zoneSteps = 200;

function spendTexts(operands: readonly unknown[], budget: Budget): void {
	for (const operand of operands) {
		if (typeof operand === 'string') budget.spend(textSteps(operand.length));
		else if (operand instanceof Uint8Array) budget.spend(textSteps(operand.length));
	}
}

/** Letters beyond ASCII are looked up one by one. */
function spendLetters([text]: readonly unknown[], budget: Budget): void {
	if (typeof text === 'string') budget.spend(4 * textSteps(text.length));
}

/** A search may compare the whole of what it seeks at each character. */
function spendSearch([text, sought]: readonly unknown[], budget: Budget): void {
	if (typeof text !== 'string' || typeof sought !== 'string') return;
	budget.spend(textSteps(text.length * Math.min(sought.length + 1, text.length)));
}

/** Reading makes a value of its own of each few characters. */
function spendReading([text]: readonly unknown[], budget: Budget): void {
	if (typeof text === 'string' || text instanceof Uint8Array) {
		budget.spend(4 * textSteps(text.length));
	}
}

function spendZone(operands: readonly unknown[], budget: Budget): void {
	if (operands.length > 1) budget.spend(zoneSteps);
}

/** How many items a loop has. */
function lengthOf(value: unknown): number {
	if (Array.isArray(value)) return value.length;
	if (value instanceof Map || value instanceof Set) return value.size;
	return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

/** A pattern that is written in the expression is read once; it costs nothing in a turn. */
function constantPattern(operand: unknown): Pattern | undefined {
	if (!isPart(Object(operand) as object)) return undefined;
	const { op, args } = operand as Part;
	return op === 'value' && typeof args === 'string' ? readPattern(args) : undefined;
}

function isFound(text: string, pattern: Pattern, budget: Budget): boolean {
	budget.spend(Math.ceil((pattern.size * text.length) / patternPartsPerStep));
	return pattern.test(text);
}

function newPattern(source: string, budget: Budget): Pattern {
	const pattern = readPattern(source);
	budget.spend(pattern.size * readingSteps);
	return pattern;
}
