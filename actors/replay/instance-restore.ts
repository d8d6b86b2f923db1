/**
 * Restores stored instances under a definition that may differ from the one that wrote them.
 * Problems are returned as findings, not thrown.
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

/** A difference, without its instance. */
export type Finding = Omit<Difference, 'actor' | 'key'>;

/** The restoring that {@link createRestoring} makes. */
export interface Restoring {
	restore(stored: StoredInstance): { readonly snapshot: AnyMachineSnapshot } | Finding;
	/**
	 * The state value of another version, migrated to that of the definition; undefined if it cannot
	 * be migrated. `near` is the same instance at about that time, whose context the migration gets,
	 * because turns are recorded without their context.
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
