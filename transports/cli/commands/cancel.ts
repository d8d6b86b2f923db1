/**
 * `reeve cancel`: takes messages back.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/** What has left this node is asked back from its receiver, which has the last word. */
export default operationCommand('cancel', [
	'reeve cancel 01KA 01KB',
	'reeve cancel --state queued --to ship2',
	'reeve cancel --state waiting --older-than 1d --node ship1',
]);
