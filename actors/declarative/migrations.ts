/**
 * Compiles the migrations of YAML definitions: new names of states, and new values of fields.
 *
 * @module
 */
import type { StateValue } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Migrating, Migration } from '../definition/definition.ts';
import type { Build } from './build-context.ts';
import { compileValue, type Computed } from './values.ts';

/**
 * Compiles the migrations. The context of a new version has the fields that the definition
 * declares: with the values of the migration, else the old ones, else the first ones. Expressions
 * see the old context, whose fields are not known.
 */
export function compileMigrations(build: Build): Readonly<Record<number, Migration>> {
	const { migrate = {}, version, context = {} } = build.definition;
	const steps = Object.entries(migrate).map(([from, { states = {}, context: fields = {} }]) => {
		if (Number(from) >= version) {
			const text = `${from} leads beyond version ${version}`;
			build.report({ path: ['migrate', from], text, part: 'key' });
		}
		const unknown: Build = { ...build, context: {}, compile: build.compileAnywhere };
		const path = ['migrate', from, 'context'];
		const given = compileValue(unknown, fields, { path, event: undefined });
		const first = compileValue(build, context, { path: ['context'], event: {} });
		// Only the fields of the last version are known.
		const isLast = Number(from) === version - 1;
		return [from, migration(build, { states, given, first, isLast })] as const;
	});
	return Object.fromEntries(steps);
}

interface Parts {
	readonly states: Readonly<Record<string, string>>;
	readonly given: Computed;
	readonly first: Computed;
	readonly isLast: boolean;
}

function migration(build: Build, { states, given, first, isLast }: Parts): Migration {
	return ({ value, context }: Migrating) => {
		// An instance is read before its turn begins.
		build.budget.begin();
		const values = build.values({ context, event: {} });
		const initial = first.of(values) as object;
		const all = {
			...(isLast ? initial : {}),
			...(context as object),
			...(given.of(values) as object),
		};
		const kept = Object.entries(all).filter(([name]) => !isLast || Object.hasOwn(initial, name));
		return { value: renamed(value, states), context: Object.fromEntries(kept) };
	};
}

/** A state value with the new names of its states, one for each region. */
function renamed(value: StateValue, states: Readonly<Record<string, string>>): StateValue {
	const paths = [...leavesOf(value)].map((path) => {
		const name = path.join('.');
		return (Object.hasOwn(states, name) ? (states[name] ?? name) : name).split('.');
	});
	return paths.reduce<StateValue>((made, path) => merged(made, path), {});
}

function* leavesOf(value: StateValue, above: readonly string[] = []): Generator<readonly string[]> {
	if (typeof value === 'string') {
		yield [...above, value];
		return;
	}
	const entries = Object.entries(value);
	if (entries.length === 0) yield above;
	for (const [name, inner] of entries) if (inner) yield* leavesOf(inner, [...above, name]);
}

function merged(value: StateValue, [name = '', ...rest]: readonly string[]): StateValue {
	if (rest.length === 0) {
		return typeof value === 'object' && Object.keys(value).length > 0
			? { ...value, [name]: {} }
			: name;
	}
	if (typeof value === 'string') {
		throw new ReeveError('bad_declaration', `the states ${value} and ${name} exclude one another`);
	}
	return { ...value, [name]: merged(value[name] ?? {}, rest) };
}
