/**
 * Monitors, as they travel: a machine that monitors an instance has a message in the mailbox of
 * that instance, which is answered when it ends. So a monitor survives whatever crashes meanwhile,
 * and tells once, as an ask does.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Message } from '../../runtime/message/message.ts';

/** The event that asks an instance to tell of its end; no machine sees it. */
export const monitorType = 'reeve.monitor';

/** The event that takes such a message back; `id` is that of the message. */
export const demonitorType = 'reeve.demonitor';

/** Why an instance is there no more, as it says itself; others are found out by the watcher. */
export type EndReason = 'normal' | 'crashed' | 'parked' | 'noproc';

const nameStart = 'monitor:';

/** What a monitor is called among the asks of its instance. */
export function monitorName(id: string): string {
	return nameStart + id;
}

/** The event that a monitor tells its machine; undefined for the answer to an ask. */
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

/** What a message that was not answered says of the one who should have. */
const reasons: Readonly<Record<string, string>> = {
	unknown_method: 'noproc',
	expired: 'noconnection',
	interrupted: 'noconnection',
};
