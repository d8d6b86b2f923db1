/**
 * `reeve cancel` cancels messages.
 *
 * @module
 */
import { operationCommand } from '../client/operation-command.ts';

/** A message that was sent already is cancelled by its receiver, if it can be. */
export default operationCommand('cancel', [
	'reeve cancel 01KA 01KB',
	'reeve cancel --state queued --to ship2',
	'reeve cancel --state waiting --older-than 1d --node ship1',
]);
