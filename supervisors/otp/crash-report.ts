/**
 * Crash reports with the fields of OTP's: the actor, its ancestors, its state, its last message and
 * its neighbours. Secrets are redacted, and values are cut to a length that fits into a log line.
 *
 * @module
 */
import type { CrashReport } from '../../runtime/observability/signals.ts';
import type { ActorDescription } from './child.ts';
import { exitError } from './exit-reason.ts';

/** The most characters of a printed value. */
const valueCharsMax = 1000;
const neighboursMax = 10;
const depthMax = 5;
const itemsMax = 50;
const nodesMax = 500;

const secretKeys =
	/pass(word|phrase|wd)?$|secret|token|credential|authorization|cookie|private.?key|api.?key/i;
const secretText = /\b(Bearer|Basic)\s+[\w.~+/=-]+|([?&;\s](?:password|token|secret)=)[^&;\s"]+/gi;

/** What a report is made from. */
export interface CrashFacts {
	readonly actor: string;
	readonly pid: string;
	readonly ancestors: readonly string[];
	readonly reason: Error;
	readonly description: ActorDescription;
	readonly neighbours: readonly string[];
	readonly restarts: number;
}

/** The report, as the fields of the signal `actor.crashed`. */
export function crashReport(facts: CrashFacts): CrashReport {
	const { actor, pid, ancestors, reason, description, neighbours, restarts } = facts;
	const { initialCall, lastMessage, state, mailboxLength } = description;
	return {
		actor,
		pid,
		ancestors,
		reason: redactText(reason.message || reason.name),
		...(reason.stack ? { stack: redactText(reason.stack) } : {}),
		...(initialCall === undefined ? {} : { initialCall }),
		...(lastMessage === undefined ? {} : { lastMessage: print(lastMessage) }),
		...(state === undefined ? {} : { state: print(state) }),
		...(mailboxLength === undefined ? {} : { mailboxLength }),
		neighbours: neighbours.slice(0, neighboursMax),
		restarts,
	};
}

/** The report of an error that belongs to no actor; `actor` names its origin instead. */
export function strayReport(actor: string, thrown: unknown): CrashReport {
	const noActor = { pid: actor, ancestors: [], neighbours: [], restarts: 0, description: {} };
	return crashReport({ actor, reason: exitError(thrown), ...noActor });
}

/** The value as JSON without secrets, cut after a thousand characters. */
export function print(value: unknown): string {
	const text = JSON.stringify(redact(value, { left: nodesMax }, 1)) ?? String(value);
	return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}...`;
}

/**
 * A copy for JSON: without secrets, functions and values that are nested too deep. `budget` limits
 * the number of values, since the state of an actor may reach half of the program.
 */
function redact(value: unknown, budget: { left: number }, depth: number): unknown {
	budget.left -= 1;
	if (typeof value === 'string') return redactText(value.slice(0, valueCharsMax));
	if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
	if (typeof value !== 'object' || value === null) return value;
	const label = labelOf(value);
	if (label !== undefined) return label;
	if (depth > depthMax || budget.left <= 0) return '[...]';
	if (Array.isArray(value)) {
		return value.slice(0, itemsMax).map((item: unknown) => redact(item, budget, depth + 1));
	}
	const entries = Object.entries(value).filter(([, item]) => typeof item !== 'function');
	const kept = entries.slice(0, itemsMax).map(([key, item]) => {
		return [key, secretKeys.test(key) ? '[redacted]' : redact(item, budget, depth + 1)] as const;
	});
	return Object.fromEntries(kept);
}

/**
 * A label for objects whose fields say nothing to a reader; undefined for the others.
 */
function labelOf(value: object): string | undefined {
	if (value instanceof Error) return redactText(`${value.name}: ${value.message}`);
	if (value instanceof Date) return String(value);
	if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
	const { name } = (Object.getPrototypeOf(value)?.constructor ?? Object) as { name: string };
	return name === 'Object' || Array.isArray(value) ? undefined : `[${name}]`;
}

/** The text with passwords and tokens redacted, as far as they are recognised. */
export function redactText(text: string): string {
	return text.replaceAll(
		secretText,
		(_match, scheme: string | undefined, key: string | undefined) =>
			scheme ? `${scheme} [redacted]` : `${key ?? ''}[redacted]`,
	);
}

/** The report in one line, for logs without fields. */
export function oneLine(report: CrashReport): string {
	const { actor, pid = actor, reason, ancestors, lastMessage, state, restarts = 0 } = report;
	const above = ancestors.length > 0 ? ` under ${ancestors.join(' < ')}` : '';
	const was = state === undefined ? '' : `; state ${state}`;
	const last = lastMessage === undefined ? '' : `; last message ${lastMessage}`;
	const text = `${pid}${above} crashed: ${reason}${was}${last}; restarts ${restarts}`;
	return text.replaceAll(/\s+/g, ' ');
}

/** The report in several lines, for people; `linesMax` limits the stack. */
export function manyLines(report: CrashReport, linesMax = 10): string {
	const { stack, ...fields } = report;
	const rows = Object.entries(fields)
		.filter(([, value]) => value !== undefined)
		.map(([key, value]) => {
			const text = Array.isArray(value) ? value.join(', ') : String(value);
			return `  ${key.padEnd(14)}${text}`;
		});
	const trace = stack === undefined ? [] : stack.split('\n').slice(0, linesMax);
	return ['crash report', ...rows, ...trace.map((line) => `    ${line.trim()}`)].join('\n');
}
