/**
 * Failures as three lines: what happened (with the code of the error table), why, and what to do
 * about it.
 *
 * @module
 */
import {
	errorTable,
	ReeveError,
	type ErrorCode,
	reasonOf,
} from '../../../runtime/platform/errors.ts';

/** A failure, ready to print. */
export interface Failure {
	readonly what: string;
	readonly code: ErrorCode;
	readonly why: string;
	readonly hint: string;
	readonly exitCode: number;
}

/** A row of the error table as a failure, with the detail of this case. */
export function failureOf(code: ErrorCode, why: string, hint?: string): Failure {
	const row = errorTable[code];
	return { what: row.meaning, code, why, hint: hint ?? row.hint, exitCode: row.exitCode };
}

/** The thrown value as a failure. An error that is no `ReeveError` counts as a bug in reeve. */
export function failureFrom(thrown: unknown): Failure {
	if (thrown instanceof ReeveError) {
		const why = thrown.detail || causeText(thrown) || 'nothing more is known';
		return failureOf(thrown.code, why);
	}
	const why = reasonOf(thrown);
	return failureOf('internal', why, 'run it again with --debug, and report what it prints');
}

/** The three lines. */
export function failureText({ what, code, why, hint }: Failure): string {
	return `error: ${what} (${code})\n  ${why.replaceAll('\n', '\n  ')}\n  ${hint}\n`;
}

function causeText({ cause }: ReeveError): string | undefined {
	return cause instanceof Error ? cause.message : undefined;
}
