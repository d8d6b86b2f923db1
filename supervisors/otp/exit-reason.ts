/**
 * Exit reasons: why an actor ended. Supervisors decide by them, links carry them, and monitors
 * report them.
 *
 * @module
 */

/**
 * Why an actor ended, in OTP's words.
 *
 * - `normal`: it finished its work.
 * - `shutdown` and `{ shutdown: term }`: it was asked to stop, or stopped for an expected reason;
 *   `term` says which.
 * - `killed`: it was fenced. JavaScript cannot end a running function, so `killed` means that
 *   nothing the actor does from now on has an effect, and that its signal is raised.
 * - an error: it crashed. Anything thrown that is no error becomes one, see {@link exitError}.
 */
export type ExitReason = 'normal' | 'shutdown' | 'killed' | { readonly shutdown: unknown } | Error;

/** What a monitor reports: an exit reason, no such process, or no connection to its node. */
export type DownReason = ExitReason | 'noproc' | 'noconnection';

/** Whether the reason is no failure: such exits restart only `permanent` children. */
export function isExpected(reason: DownReason): boolean {
	if (typeof reason === 'object') return !(reason instanceof Error);
	return reason === 'normal' || reason === 'shutdown';
}

/** The thrown value as an error; an error is returned unchanged. */
export function exitError(thrown: unknown): Error {
	if (thrown instanceof Error) return thrown;
	return new Error(typeof thrown === 'string' ? thrown : `thrown: ${inspectTerm(thrown)}`, {
		cause: thrown,
	});
}

/**
 * The exit reason of an actor that threw. Throwing `'shutdown'`, or an object `{ shutdown: term }`,
 * is how an actor ends by itself without having failed; everything else is a crash.
 */
export function exitReason(thrown: unknown): ExitReason {
	if (thrown === 'shutdown') return thrown;
	const isTerm = typeof thrown === 'object' && thrown !== null && !(thrown instanceof Error);
	return isTerm && 'shutdown' in thrown ? { shutdown: thrown.shutdown } : exitError(thrown);
}

/** The reason in one line for people: `normal`, `shutdown: upgrade`, or the error's message. */
export function exitText(reason: DownReason): string {
	if (typeof reason === 'string') return reason;
	if (reason instanceof Error) return reason.message || reason.name;
	return `shutdown: ${inspectTerm(reason.shutdown)}`;
}

function inspectTerm(term: unknown): string {
	if (typeof term === 'string') return term;
	if (term instanceof Error) return term.message;
	try {
		return JSON.stringify(term) ?? String(term);
	} catch {
		// It has a cycle, or a getter that throws: show its type only.
		return typeof term;
	}
}
