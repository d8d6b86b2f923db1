/**
 * The tree of a node, as data: who is started in which order, and who restarts whom.
 *
 * What comes later stands on what comes earlier, so the top is `rest_for_one`: if a part fails
 * beyond what its own supervisor can mend, everything that was started after it is restarted with
 * it. Recovery is the last child: when it runs, everything else does.
 *
 * @module
 */
import { createTreeChildren, type TreeChildrenParts } from './tree-children.ts';
import type { SupervisorSpec } from '../otp/child-spec.ts';
import { supervisorChild } from '../otp/supervisor.ts';

/** The tree of one node. */
export function nodeTree(given: TreeChildrenParts): SupervisorSpec {
	const parts = createTreeChildren(given);
	return {
		name: 'node',
		strategy: 'rest_for_one',
		intensity: 3,
		period: 30,
		children: [
			parts.orphans,
			parts.reachable(
				supervisorChild({
					name: 'calls',
					strategy: 'simple_one_for_one',
					children: [parts.call],
				}),
			),
			parts.reachable(
				supervisorChild({
					name: 'subscribers',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: parts.subscribers,
				}),
			),
			parts.timers,
			// Machines that throw are their hosts' business; what ends here is an error of ours.
			parts.reachable(
				supervisorChild({
					name: 'actors',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: parts.hosts,
				}),
			),
			parts.reachable(
				supervisorChild({
					name: 'publishers',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: [],
				}),
			),
			parts.publishing,
			supervisorChild({
				name: 'reports',
				strategy: 'one_for_one',
				children: [
					parts.errorReports,
					parts.definitions,
					parts.monitors,
					parts.hello,
					parts.retention,
					parts.storeLog,
				],
			}),
			parts.reachable(
				supervisorChild({
					name: 'transports',
					strategy: 'one_for_one',
					intensity: 5,
					period: 30,
					children: parts.transports,
				}),
			),
			parts.recovery,
		],
	};
}
