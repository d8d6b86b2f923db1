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
import { migrated, restoredAs, type MigratedState, type StoredInstance } from '../turn/instance.ts';
import { bareSteps, type RunningStep } from '../turn/running-steps.ts';
import type { MachineStepper } from '../turn/machine-step.ts';

/** A difference, without its instance. */
export type Finding = Omit<Difference, 'actor' | 'key'>;

/** The restoring that {@link createRestoring} makes. */
export interface Restoring {
	/** Without `running`, only the ids of its running steps are known. */
	restore(
		stored: StoredInstance,
		running?: readonly RunningStep[],
	): { readonly snapshot: AnyMachineSnapshot } | Finding;
	/**
	 * The state value of another version, migrated to that of the definition; undefined if it cannot
	 * be migrated. `near` is the same instance at about that time, whose context the migration gets,
	 * because turns are recorded without their context.
	 */
	valueOf(value: unknown, version: number | undefined, near: StoredInstance): unknown;
}

/** Creates the restoring under one definition. */
export function createRestoring(definition: ActorDefinition, stepper: MachineStepper): Restoring {
	const migrate = (stored: StoredInstance): MigratedState | Finding => {
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
		restore(stored, running = bareSteps(stored.steps)) {
			const state = migrate(stored);
			if ('what' in state) return state;
			try {
				return restoredAs(stepper, state, running);
			} catch (thrown) {
				const was = JSON.stringify(stored.state.value);
				const { code, detail } = asReeveError(thrown);
				if (code === 'step_without_state') return { what: code, detail };
				return { what: 'state_gone', detail: `it is in ${was}: ${detail}` };
			}
		},
		valueOf(value, given, near) {
			const version = given ?? near.version;
			if (version === definition.version) return value;
			const state = { ...near.state, value: value as StateValue };
			const found = migrate({ ...near, version, state });
			return 'what' in found ? undefined : found.state.value;
		},
	};
}
