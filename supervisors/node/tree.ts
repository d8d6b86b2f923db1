/**
 * The tree of a node, as data: who is started in which order, and who restarts whom.
 *
 * What comes later stands on what comes earlier, so the top is `rest_for_one`: if a child fails
 * more often than its supervisor allows, everything that was started after it is restarted with it.
 * Recovery is the last child: when it runs, everything else does.
 *
 * @module
 */
import { registered } from '../otp/registered-supervisors.ts';
import { createTreeChildren, type TreeChildrenParts } from './tree-children.ts';
import type { SupervisorSpec } from '../otp/child-spec.ts';
import { supervisorChild } from '../otp/supervisor.ts';

/** The tree of one node. */
export function nodeTree(given: TreeChildrenParts): SupervisorSpec {
	const children = createTreeChildren(given);
	return {
		name: 'node',
		strategy: 'rest_for_one',
		intensity: 3,
		period: 30,
		children: [
			children.orphans,
			registered(
				supervisorChild({
					name: 'calls',
					strategy: 'simple_one_for_one',
					children: [children.call],
				}),
			),
			registered(
				supervisorChild({
					name: 'subscribers',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: children.subscribers,
				}),
			),
			children.timers,
			// A host handles the errors of its machines; a host that ends has an error of its own.
			registered(
				supervisorChild({
					name: 'actors',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: children.hosts,
				}),
			),
			registered(
				supervisorChild({
					name: 'publishers',
					strategy: 'one_for_one',
					intensity: 10,
					period: 60,
					children: [],
				}),
			),
			children.publishing,
			supervisorChild({
				name: 'reports',
				strategy: 'one_for_one',
				children: [
					children.errorReports,
					children.definitions,
					children.monitors,
					children.hello,
					children.retention,
					children.storeLog,
				],
			}),
			registered(
				supervisorChild({
					name: 'transports',
					strategy: 'one_for_one',
					intensity: 5,
					period: 30,
					children: children.transports,
				}),
			),
			children.recovery,
		],
	};
}
