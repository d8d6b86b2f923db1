/**
 * The check of specifications, with OTP's names for what can be wrong. Unknown keys are ignored;
 * wrong values are faults; missing values get OTP's defaults.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import type {
	AutoShutdown,
	CheckedChild,
	CheckedSupervisor,
	ChildSpec,
	RestartType,
	SupervisorSpec,
} from './child-spec.ts';

/** What is wrong with a specification. */
export type SpecFault =
	| 'invalid_supervisor'
	| 'invalid_name'
	| 'invalid_strategy'
	| 'invalid_intensity'
	| 'invalid_period'
	| 'invalid_auto_shutdown'
	| 'invalid_children'
	| 'invalid_max_children'
	| 'invalid_backoff'
	| 'bad_template'
	| 'duplicate_child_id'
	| 'invalid_child_spec'
	| 'missing_id'
	| 'missing_start'
	| 'invalid_id'
	| 'invalid_start'
	| 'invalid_restart'
	| 'invalid_shutdown'
	| 'invalid_child_type'
	| 'invalid_significant'
	| 'invalid_limit'
	| 'bad_combination';

/** A fault, with the wrong value. */
export interface SpecRefusal {
	readonly error: 'bad_spec';
	readonly fault: SpecFault;
	/** The wrong value, or the combination, in words. */
	readonly detail: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Test = (value: unknown) => boolean;
/** In the order in which faults are named. */
type FieldTable = readonly (readonly [key: string, test: Test, fault: SpecFault])[];

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one'];
const autoShutdowns = ['never', 'any_significant', 'all_significant'];
const restartTypes = ['permanent', 'transient', 'temporary'];
const childTypes = ['worker', 'supervisor'];

const isOneOf =
	(words: readonly string[]): Test =>
	(value) =>
		typeof value === 'string' && words.includes(value);
const isText: Test = (value) => typeof value === 'string' && value !== '';
const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isPositive: Test = (value) => isCount(value) && value !== 0;
const isAmount: Test = (value) => typeof value === 'number' && value >= 0 && value < Infinity;
const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value);
const isShutdown: Test = (value) =>
	value === 'brutal_kill' || value === 'infinity' || isCount(value);
const isLimit: Test = (value) =>
	isFields(value) && isCount(value.intensity) && isPositive(value.period);
const isBackoff: Test = (value) => {
	if (!isFields(value) || !isAmount(value.minMs) || !isAmount(value.maxMs)) return false;
	const { factor = 2, jitter = 0 } = value;
	return isAmount(factor) && isAmount(jitter) && Number(jitter) <= 1;
};
const orAbsent =
	(test: Test): Test =>
	(value) =>
		value === undefined || test(value);

const supervisorFields: FieldTable = [
	['name', isText, 'invalid_name'],
	['strategy', isOneOf(strategies), 'invalid_strategy'],
	['intensity', orAbsent(isCount), 'invalid_intensity'],
	['period', orAbsent(isPositive), 'invalid_period'],
	['autoShutdown', orAbsent(isOneOf(autoShutdowns)), 'invalid_auto_shutdown'],
	['children', Array.isArray, 'invalid_children'],
	[
		'maxChildren',
		orAbsent((value) => value === Infinity || isCount(value)),
		'invalid_max_children',
	],
	['backoff', orAbsent(isBackoff), 'invalid_backoff'],
];

const childFields: FieldTable = [
	['id', (value) => value !== undefined, 'missing_id'],
	['id', isText, 'invalid_id'],
	['start', (value) => value !== undefined, 'missing_start'],
	['start', (value) => typeof value === 'function', 'invalid_start'],
	['restart', orAbsent(isOneOf(restartTypes)), 'invalid_restart'],
	['significant', orAbsent((value) => typeof value === 'boolean'), 'invalid_significant'],
];

/** What is looked at after the combination of `significant` with the other settings, as in OTP. */
const laterFields: FieldTable = [
	['type', orAbsent(isOneOf(childTypes)), 'invalid_child_type'],
	['shutdown', orAbsent(isShutdown), 'invalid_shutdown'],
	['limit', orAbsent(isLimit), 'invalid_limit'],
];

const refuse = (fault: SpecFault, detail: string): SpecRefusal => ({
	error: 'bad_spec',
	fault,
	detail,
});

function show(value: unknown): string {
	return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
}

/**
 * Checks one child, and fills in the defaults.
 *
 * @param autoShutdown the supervisor's setting; undefined if it is not known yet
 */
export function checkChild(spec: unknown, autoShutdown?: AutoShutdown): CheckedChild | SpecRefusal {
	if (!isFields(spec)) return refuse('invalid_child_spec', show(spec));
	const early = refusalIn(childFields, spec) ?? badCombination(spec, autoShutdown);
	const refusal = early ?? refusalIn(laterFields, spec);
	if (refusal) return refusal;
	const given = spec as Fields & ChildSpec;
	const { id, start, type = 'worker', restart = 'permanent', significant = false, limit } = given;
	const { shutdown = type === 'worker' ? 5000 : 'infinity' } = given;
	const checked = { id, start, restart, shutdown, type, significant };
	return limit ? { ...checked, limit } : checked;
}

function refusalIn(fields: FieldTable, spec: Fields): SpecRefusal | undefined {
	const found = fields.find(([key, test]) => !test(spec[key]));
	if (!found) return undefined;
	const [key, , fault] = found;
	return refuse(fault, `${show(spec.id)}: ${key} is ${show(spec[key])}`);
}

function badCombination(spec: Fields, autoShutdown?: AutoShutdown): SpecRefusal | undefined {
	const { id, restart = 'permanent', significant } = spec as Fields & ChildSpec;
	const forbidden = significant ? forbids(restart, autoShutdown) : undefined;
	if (!forbidden) return undefined;
	return refuse('bad_combination', `${show(id)}: significant, and ${forbidden}`);
}

/** Why a child cannot be significant, if there is a reason. */
function forbids(restart: RestartType, autoShutdown?: AutoShutdown): string | undefined {
	if (restart === 'permanent') return 'restart is permanent';
	return autoShutdown === 'never' ? 'autoShutdown is never' : undefined;
}

/** Checks the children of one supervisor, duplicates included. */
export function checkChildren(
	specs: readonly unknown[],
	autoShutdown?: AutoShutdown,
): readonly CheckedChild[] | SpecRefusal {
	const checked = new Map<string, CheckedChild>();
	for (const spec of specs) {
		const child = checkChild(spec, autoShutdown);
		if ('error' in child) return child;
		if (checked.has(child.id)) return refuse('duplicate_child_id', show(child.id));
		checked.set(child.id, child);
	}
	return [...checked.values()];
}

/** Checks a supervisor with its children, and fills in the defaults. */
export function checkSupervisor(spec: unknown): CheckedSupervisor | SpecRefusal {
	if (!isFields(spec)) return refuse('invalid_supervisor', show(spec));
	for (const [key, test, fault] of supervisorFields) {
		if (!test(spec[key])) return refuse(fault, `${key} is ${show(spec[key])}`);
	}
	const given = spec as Fields & SupervisorSpec;
	const { name, strategy, intensity = 1, period = 5, autoShutdown = 'never' } = given;
	const children = checkForStrategy(given, autoShutdown);
	if ('error' in children) return children;
	const { maxChildren = Infinity, backoff, version = '' } = given;
	const flags = { name, strategy, intensity, period, autoShutdown, maxChildren, version };
	return backoff ? { ...flags, children, backoff } : { ...flags, children };
}

function checkForStrategy(
	{ strategy, children }: SupervisorSpec,
	autoShutdown: AutoShutdown,
): readonly CheckedChild[] | SpecRefusal {
	const checked = checkChildren(children, autoShutdown);
	if (strategy !== 'simple_one_for_one' || 'error' in checked) return checked;
	if (checked.length !== 1) {
		return refuse('bad_template', `${strategy} has ${checked.length} children, not one`);
	}
	// Dynamic children come and go by design, so OTP does not let their end stop the supervisor.
	if (autoShutdown === 'never') return checked;
	return refuse('bad_combination', `${strategy}, and autoShutdown is ${autoShutdown}`);
}

/**
 * Checks and freezes the specification of a supervisor.
 *
 * @throws ReeveError `bad_supervisor` with the fault
 */
export function defineSupervisor<Spec extends SupervisorSpec>(spec: Spec): Readonly<Spec> {
	requireSupervisor(spec);
	return Object.freeze(spec);
}

/**
 * The checked specification.
 *
 * @throws ReeveError `bad_supervisor` with the fault
 */
export function requireSupervisor(spec: unknown): CheckedSupervisor {
	const checked = checkSupervisor(spec);
	if (!('error' in checked)) return checked;
	throw new ReeveError('bad_supervisor', `${checked.fault}, ${checked.detail}`);
}
