/**
 * Crash points: named instants at which a crash is most revealing. A spec kills a node exactly
 * there; `REEVE_CRASH_AT=frame.accepted:3` kills a real process at the third passage. No code may
 * depend on surviving one.
 *
 * @module
 */
import process from 'node:process';
import { ReeveError } from './errors.ts';

/** The points, in the order in which a message passes them. */
export const crashPoints = [
	/** A message from a local sender is on disk; its sender has no answer yet. */
	'intake.flushed',
	/** A transaction is committed and not flushed: a crash of the machine would lose it. */
	'journal.committed',
	/** A transaction is flushed; nothing that waits for it has been released. */
	'journal.flushed',
	/** A frame is with the broker. */
	'frame.sent',
	/** A frame has come from the wire; nothing is written. */
	'frame.received',
	/** The messages of a frame are on disk; it is not acknowledged. */
	'frame.accepted',
	/** An acknowledgement has come; no message is resolved. */
	'ack.received',
	/** The start of a message is counted; its method has not been called. */
	'call.started',
	/** The method has returned; its outcome is not written. */
	'call.ended',
	/** The outcome is on disk with the reply; the reply has not left. */
	'call.settled',
	/** A step of an actor has run; its result is not written. */
	'step.ran',
] as const;

/** One of {@link crashPoints}. */
export type CrashPoint = (typeof crashPoints)[number];

/** Called at each point that a node passes. It may end the node instead of returning. */
export type PassPoint = (point: CrashPoint) => void;

/** Passes every point without effect. */
export const passAll: PassPoint = () => {};

/**
 * The crash points that `setting` arms: `<point>` or `<point>:<n>`, several separated by commas. At
 * the n-th passage, the first by default, `die` is called; by default it kills the process with
 * SIGKILL, which no handler softens.
 *
 * @throws ReeveError `bad_config` for a point that does not exist, or a count below 1
 */
export function armedPoints(
	setting: string | undefined,
	die: PassPoint = () => process.kill(process.pid, 'SIGKILL'),
): PassPoint {
	if (!setting) return passAll;
	const left = new Map(setting.split(',').map(armed));
	return (point) => {
		const count = left.get(point);
		if (count === undefined) return;
		left.set(point, count - 1);
		if (count === 1) die(point);
	};
}

function armed(text: string): [point: string, count: number] {
	const [point = '', count = '1'] = text.trim().split(':');
	const isKnown = (crashPoints as readonly string[]).includes(point);
	if (isKnown && /^[1-9]\d{0,8}$/.test(count)) return [point, Number(count)];
	const known = crashPoints.join(', ');
	throw new ReeveError('bad_config', `REEVE_CRASH_AT ${text}: the points are ${known}`);
}
