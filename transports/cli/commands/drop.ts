/**
 * `reeve drop` forgets dead letters and settled messages.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/** Afterwards their ids are unknown, and may be used again. Cancel open messages first. */
export default operationCommand('drop', [
	'reeve drop 01KA',
	'reeve drop --state dead --older-than 7d --node ship1',
]);
