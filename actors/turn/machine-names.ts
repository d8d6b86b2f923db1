/**
 * The named guards and delays of a machine, as it looks them up while it moves. Names in the
 * definition are checked when it is loaded; those inside `enqueueActions` are known only in their
 * turn, and are refused there.
 *
 * @module
 */
import type { AnyStateMachine } from 'xstate';
import { ReeveError, type ErrorCode } from '../../runtime/platform/errors.ts';
import { missingName } from '../definition/definition-check.ts';

/** Makes a machine, which is a copy of the definition's, refuse unknown guards and delays. */
export function checkLookUps({ implementations }: AnyStateMachine): void {
	const delays = Object.entries(implementations.delays).map(([name, delay]) => {
		return [name, checkedDelay(name, delay)] as const;
	});
	Object.assign(implementations, {
		guards: strict(implementations.guards, { what: 'guard', code: 'bad_declaration' }),
		delays: strict(Object.fromEntries(delays), { what: 'delay', code: 'bad_delay' }),
	});
}

/** A delay by name is a number: for `undefined`, XState would raise the event at once. */
function checkedDelay(name: string, delay: unknown): unknown {
	const check = (found: unknown): number => {
		if (typeof found === 'number') return found;
		throw new ReeveError('bad_delay', `the delay ${name} is ${String(found)}`);
	};
	if (typeof delay !== 'function') return () => check(delay);
	return (...args: readonly unknown[]) =>
		check((delay as (...args: unknown[]) => unknown)(...args));
}

interface Sought {
	readonly what: string;
	readonly code: ErrorCode;
}

/** The same fields, on a prototype that throws for every other name. */
function strict(known: object, { what, code }: Sought): object {
	const others = new Proxy(Object.create(null) as object, {
		get(_, name) {
			if (typeof name !== 'string') return undefined;
			throw new ReeveError(code, missingName(what, name, Object.keys(known)));
		},
	});
	return Object.assign(Object.create(others) as object, known);
}
