/**
 * The tally of sent messages: how many are done, how many failed, which are still waiting, and the
 * resulting exit code. Pure.
 *
 * @module
 */
import { exitCodes } from '../../../runtime/platform/errors.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** The tally. */
export interface Tally {
	readonly ok: number;
	readonly failed: number;
	/** Given up before they were accepted: there will be no answer. */
	readonly expired: number;
	readonly waiting: readonly MessageRow[];
}

/** Counts rows. */
export function tallyOf(rows: Iterable<MessageRow>): Tally {
	const all = [...rows];
	const count = (test: (row: MessageRow) => boolean) => all.filter(test).length;
	const ok = count(({ state }) => state === 'done');
	const expired = count(({ state }) => state === 'expired');
	const waiting = all.filter(({ settled }) => !settled);
	return { ok, expired, waiting, failed: all.length - ok - expired - waiting.length };
}

/** The exit code of the command: a failure weighs more than a missing answer. */
export function exitCodeOf({ failed, expired, waiting }: Tally): number {
	if (failed > 0) return exitCodes.someFailed;
	return expired + waiting.length > 0 ? exitCodes.someUnanswered : exitCodes.ok;
}

/** `2 ok, 0 failed, 1 waiting (ship3: ship3 is offline)`. */
export function closingLine({ ok, failed, expired, waiting }: Tally): string {
	const parts = [`${ok} ok`, `${failed} failed`];
	if (expired > 0) parts.push(`${expired} expired`);
	if (waiting.length > 0) {
		const shown = waiting.slice(0, 3).map((row) => `${row.toNode}: ${whyWaiting(row)}`);
		if (waiting.length > shown.length) shown.push('…');
		parts.push(`${waiting.length} waiting (${shown.join('; ')})`);
	}
	return parts.join(', ');
}

const stateSentences: Readonly<Record<string, string>> = {
	queued: 'queued here, not sent yet',
	sent: 'sent, not acknowledged yet',
	accepted: 'accepted there, not finished yet',
	giving_up: 'given up here; asking whether it had been accepted',
};

/** Why a message is not settled, as a sentence without a full stop. */
export function whyWaiting({ state, why, attempts }: MessageRow): string {
	const sentence = why ?? stateSentences[state] ?? state;
	return attempts > 1 && state !== 'accepted' ? `${sentence}, ${attempts} tries so far` : sentence;
}
