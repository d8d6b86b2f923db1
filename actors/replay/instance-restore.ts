/**
 * Restoring stored instances under a definition that may be another than the one that has written
 * them, with what is wrong as a finding instead of an error.
 *
 * @module
 */
import type { AnyMachineSnapshot, StateValue } from 'xstate';
import type { Difference } from '../../runtime/queries/actor-rows.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { migrated, type StoredInstance } from '../turn/instance.ts';
import type { MachineStepper } from '../turn/machine-step.ts';
import type { StoredState } from '../turn/machine-restore.ts';

/** A difference, of an instance that is known from elsewhere. */
export type Finding = Omit<Difference, 'actor' | 'key'>;

/** The restoring that {@link createRestoring} makes. */
export interface Restoring {
	restore(stored: StoredInstance): { readonly snapshot: AnyMachineSnapshot } | Finding;
	/**
	 * What the definition calls a state that an instance of another version was in; undefined if
	 * nobody can tell. `near` is the same instance at about that time: of a turn no context is
	 * recorded.
	 */
	valueOf(value: unknown, version: number | undefined, near: StoredInstance): unknown;
}

/** Creates the restoring under one definition. */
export function createRestoring(definition: ActorDefinition, stepper: MachineStepper): Restoring {
	const migrate = (stored: StoredInstance): StoredState | Finding => {
		try {
			return migrated(stored, definition);
		} catch (thrown) {
			const isLater = stored.version > definition.version;
			const { detail } = asReeveError(thrown);
			const what = isLater ? 'version' : 'migration';
			return { what, detail: `${detail}; it is in ${JSON.stringify(stored.state.value)}` };
		}
	};
	return {
		restore(stored) {
			const state = migrate(stored);
			if ('what' in state) return state;
			try {
				return { snapshot: stepper.restore(state, Object.keys(stored.steps ?? {})) };
			} catch (thrown) {
				const was = JSON.stringify(stored.state.value);
				const { detail } = asReeveError(thrown);
				return { what: 'state_gone', detail: `it is in ${was}: ${detail}` };
			}
		},
		valueOf(value, given, near) {
			const version = given ?? near.version;
			if (version === definition.version) return value;
			const state = { ...near.state, value: value as StateValue };
			const found = migrate({ ...near, version, state });
			return 'what' in found ? undefined : found.value;
		},
	};
}
