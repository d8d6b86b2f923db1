/**
 * Messages of monitors: to monitor an instance is to put a message into its mailbox that is
 * answered when the instance ends. So a monitor survives crashes and reports once, like an ask.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Message } from '../../runtime/message/message.ts';

/** The event that asks for the end of an instance; no machine receives it. */
export const monitorType = 'reeve.monitor';

/** The event that withdraws such a message; `id` is that of the message. */
export const demonitorType = 'reeve.demonitor';

/** Why an instance has ended, by its own account; the monitoring node derives other reasons. */
export type EndReason = 'normal' | 'crashed' | 'parked' | 'noproc';

const nameStart = 'monitor:';

/** The name of a monitor among the asks of its instance. */
export function monitorName(id: string): string {
	return nameStart + id;
}

/** The event of a message that answers a monitor; undefined for the answer to an ask. */
export function downOf({
	methodArgs: [name = ''],
	result,
	data,
}: Message): EventObject | undefined {
	if (!name.startsWith(nameStart)) return undefined;
	const { outcome = 'failed', code } = result ?? {};
	const text = typeof data === 'object' ? new TextDecoder().decode(data) : data;
	const event = {
		type: `down.${name.slice(nameStart.length)}`,
		reason: outcome === 'done' ? (text ?? 'normal') : (reasons[code ?? outcome] ?? code ?? outcome),
	};
	return event;
}

/** The reasons that follow from a message that was not answered by the instance itself. */
const reasons: Readonly<Record<string, string>> = {
	unknown_method: 'noproc',
	expired: 'noconnection',
	interrupted: 'noconnection',
};
