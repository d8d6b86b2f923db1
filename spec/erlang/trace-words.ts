/**
 * The words in which both traces tell of reasons and answers.
 *
 * @module
 */
import type {
	ChildCounts,
	ChildRow,
	Done,
	Refusal,
	StartedChild,
} from '../../supervisors/otp/child-management.ts';
import type { CheckedChild } from '../../supervisors/otp/child-spec.ts';
import type { DownReason, ExitReason } from '../../supervisors/otp/exit-reason.ts';

/** The reason that a word of a scenario means. */
export function reasonOf(word: string): ExitReason {
	if (word === 'shutdown_x') return { shutdown: 'x' };
	return word === 'crash' ? new Error(word) : (word as 'normal' | 'shutdown' | 'killed');
}

/** The word for a reason. */
export function wordOf(reason: DownReason): string {
	if (typeof reason === 'string') return reason;
	if (reason instanceof Error) return reason.message;
	const { failedToStartChild } = reason.shutdown as { readonly failedToStartChild?: string };
	return failedToStartChild === undefined ? 'shutdown_x' : `failed_to_start:${failedToStartChild}`;
}

/** The word for the detail of a report, which is a text for people already. */
export function detailWord(detail: string): string {
	if (detail === 'shutdown: x') return 'shutdown_x';
	const [, id] = /^shutdown: .*failedToStartChild":"([^"]+)"/.exec(detail) ?? [];
	return id === undefined ? detail : `failed_to_start:${id}`;
}

/** What a call that starts a child has answered. */
export function startWord(answer: StartedChild | Refusal): string {
	if ('error' in answer) {
		return answer.error === 'bad_spec' ? `bad_spec ${answer.fault}` : answer.error;
	}
	if (!answer.child) return 'ok none';
	return answer.info === undefined ? 'ok' : `ok ${answer.info as string}`;
}

/** What a call without a result has answered. */
export const doneWord = (answer: Done | Refusal): string =>
	'error' in answer ? answer.error : 'ok';

/** A specification in one line. */
export function specWord(answer: CheckedChild | Refusal): string {
	if ('error' in answer) return answer.error;
	const { id, restart, shutdown, significant, type } = answer;
	return `spec ${[id, restart, shutdown, significant, type].join(' ')}`;
}

/** The children in one line; dynamic ones have no order and no id. */
export function rowsWord(rows: readonly ChildRow[] | Refusal, isDynamic: boolean): string {
	if ('error' in rows) return rows.error;
	const words = rows.map(({ id, state, type }) => `${isDynamic ? '~' : `${id}:`}${state}:${type}`);
	return (isDynamic ? words.toSorted() : words).join(' ');
}

/** The counts in one line. */
export function countsWord(counts: ChildCounts | Refusal): string {
	if ('error' in counts) return counts.error;
	const { specs, active, supervisors, workers } = counts;
	return `specs=${specs} active=${active} supervisors=${supervisors} workers=${workers}`;
}
