/**
 * `reeve drop`: forgets dead letters and settled messages.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/** From then on their ids are as good as new. Open messages are cancelled first. */
export default operationCommand('drop', [
	'reeve drop 01KA',
	'reeve drop --state dead --older-than 7d --node ship1',
]);
