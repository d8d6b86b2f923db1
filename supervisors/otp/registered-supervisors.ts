/**
 * Supervisors by their names, as OTP registers them: parts that start children
 * under a supervisor look it up when they need it, so a restarted supervisor is found, too.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { ChildSpec } from './child-spec.ts';
import type { ChildRow } from './child-management.ts';
import type { Names } from './names.ts';
import { isSupervisor, type SupervisorRef } from './supervisor.ts';

/** The same child, which registers itself by its id whenever it starts. */
export function registered(supervisor: ChildSpec): ChildSpec {
	return {
		...supervisor,
		async start(context) {
			const started = await supervisor.start(context);
			if (typeof started === 'object' && 'onExit' in started) {
				context.names?.register(supervisor.id, started);
			}
			return started;
		},
	};
}

/**
 * The living supervisor of this name.
 *
 * @throws ReeveError `stopping` if it does not run: the node stops, or the supervisor is restarted
 */
export function supervisorNamed(names: Names, id: string): SupervisorRef {
	const found = names.whereis(id);
	if (found && isSupervisor(found)) return found;
	throw new ReeveError('stopping', `the supervisor ${id} does not run`);
}

/**
 * The children of the supervisor with this id, newest first.
 *
 * @throws ReeveError `stopping` if it does not run, or ends before it answers
 */
export async function childrenOf(names: Names, id: string): Promise<readonly ChildRow[]> {
	const rows = await supervisorNamed(names, id).whichChildren();
	if (!('error' in rows)) return rows;
	throw new ReeveError('stopping', `the supervisor ${id} does not run`);
}
