/**
 * `reeve retry` sends failed messages again.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/**
 * Sends each as a new message, whose note names the old one. A dead letter is run again on its
 * node.
 */
export default operationCommand('retry', [
	'reeve retry 01KA',
	'reeve retry --state failed --method REQCliCommand --older-than 5m',
	'reeve retry --state dead --node ship1',
]);
