/**
 * `reeve retry`: sends messages that came to no good end once more.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/**
 * Each is sent as a new message, whose note names the old one. A dead letter is run again where it
 * lies.
 */
export default operationCommand('retry', [
	'reeve retry 01KA',
	'reeve retry --state failed --method REQCliCommand --older-than 5m',
	'reeve retry --state dead --node ship1',
]);
