/**
 * Failures as people see them: three lines, what happened (with the code that scripts and the error
 * table know), why, and what to do about it.
 *
 * @module
 */
import { errorTable, ReeveError, type ErrorCode } from '../../../runtime/platform/errors.ts';

/** A failure, ready to be printed. */
export interface Failure {
	readonly what: string;
	readonly code: ErrorCode;
	readonly why: string;
	readonly hint: string;
	readonly exitCode: number;
}

/** A row of the error table as a failure, with what was particular this time. */
export function failureOf(code: ErrorCode, why: string, hint?: string): Failure {
	const row = errorTable[code];
	return { what: row.meaning, code, why, hint: hint ?? row.hint, exitCode: row.exitCode };
}

/** Whatever was thrown. What is not one of our errors is a mistake in reeve, and says so. */
export function failureFrom(thrown: unknown): Failure {
	if (thrown instanceof ReeveError) {
		const why = thrown.detail || triggerOf(thrown) || 'nothing more is known';
		return failureOf(thrown.code, why);
	}
	const why = thrown instanceof Error ? thrown.message : String(thrown);
	return failureOf('internal', why, 'run it again with --debug, and report what it prints');
}

/** The three lines. */
export function failureText({ what, code, why, hint }: Failure): string {
	return `error: ${what} (${code})\n  ${why.replaceAll('\n', '\n  ')}\n  ${hint}\n`;
}

function triggerOf({ cause }: ReeveError): string | undefined {
	return cause instanceof Error ? cause.message : undefined;
}
