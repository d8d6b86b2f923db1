/**
 * The log: signals as JSON lines on standard error. Nothing else writes log lines.
 *
 * This file is the door to pino.
 *
 * @module
 */
import { pino, type DestinationStream } from 'pino';
import { limitRate } from './log-rate.ts';
import { outputToReader } from './log-output.ts';
import type { Signal, Signals, SignalType } from './signals.ts';

/** How much is logged; `silent` logs nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * The level of each signal. Signals that occur for each message are not listed: they are `debug`.
 */
const levels: Partial<Record<SignalType, 'info' | 'warn' | 'error'>> = {
	'node.starting': 'info',
	'node.ready': 'info',
	'node.stopping': 'info',
	'node.stopped': 'info',
	'node.seen': 'info',
	'node.gone': 'info',
	'transport.up': 'info',
	'transport.down': 'warn',
	'message.refused': 'warn',
	'message.dropped': 'warn',
	'signature.refused': 'warn',
	'key.unreadable': 'error',
	'access.unreadable': 'error',
	'key.pending': 'warn',
	'delivery.waiting': 'info',
	'delivery.refused': 'warn',
	'delivery.gaveUp': 'warn',
	'delivery.doubted': 'warn',
	'delivery.stopped': 'warn',
	'store.renewed': 'error',
	'orphan.killed': 'warn',
	'dead.dropped': 'warn',
	'replay.decided': 'info',
	'child.restarted': 'warn',
	'supervisor.gaveUp': 'error',
	'actor.crashed': 'error',
	'instance.failed': 'warn',
	'instance.parked': 'error',
	'instance.unparked': 'warn',
	'alert.raised': 'warn',
	'topic.barred': 'error',
	'broker.refused': 'warn',
	'call.warned': 'error',
	'clock.jumped': 'warn',
	'log.dropped': 'error',
	'console.failed': 'error',
	'init.missing': 'warn',
	'journal.failed': 'error',
	'journal.recovered': 'info',
	'journal.quarantined': 'error',
	'journal.rowDamaged': 'error',
	'record.failed': 'error',
	'node.stalled': 'error',
	'node.safe': 'error',
	'programs.skipped': 'error',
	'name.denied': 'error',
	'name.granted': 'info',
	'error.suppressed': 'warn',
};

/** Commands may contain secrets: the log names the program and omits its arguments. */
export function redacted(signal: Signal): object {
	const { type: _type, at: _at, ...fields } = signal;
	if (!('methodArgs' in fields)) return fields;
	const { methodArgs, stderr: _stderr, ...rest } = fields;
	return { ...rest, program: methodArgs[0], arguments: Math.max(0, methodArgs.length - 1) };
}

/** What a log is started with. */
export interface LogParts {
	readonly node: string;
	readonly level: LogLevel;
	readonly signals: Signals;
	/** The most bytes that wait for a reader of standard error; lines beyond it are dropped. */
	readonly bytesWaitingMax?: number;
	/** The most lines of one signal in a second; at the level `debug`, and of errors, all are. */
	readonly linesPerSecondMax?: number;
	readonly destination?: DestinationStream;
}

const defaultBytesWaitingMax = 1_048_576;

/**
 * Writes each signal as a line to `destination` (standard error by default), from `level` on up.
 * The result ends it.
 */
export function startLog(parts: LogParts): () => void {
	const { node, level, signals, linesPerSecondMax = Infinity } = parts;
	const { destination, end } = openDestination(parts);
	const logger = pino(
		{ level, base: { node }, timestamp: pino.stdTimeFunctions.isoTime },
		destination,
	);
	const rate = limitRate(level === 'debug' ? Infinity : linesPerSecondMax, (what, lines) =>
		signals.emit('log.dropped', { lines, what }),
	);
	const stop = signals.subscribe((signal) => {
		const at = levels[signal.type] ?? 'debug';
		if (!logger.isLevelEnabled(at)) return;
		if (at === 'error' || rate.mayLog(signal)) logger[at](redacted(signal), signal.type);
	});
	return () => {
		rate.end();
		end();
		stop();
	};
}

function openDestination({ signals, destination, bytesWaitingMax }: LogParts) {
	const nothing = (): void => {};
	if (destination) return { destination, end: nothing };
	const output = outputToReader({
		bytesMax: bytesWaitingMax ?? defaultBytesWaitingMax,
		onDropped: (lines) => signals.emit('log.dropped', { lines }),
	});
	if (output) return { destination: output, end: () => output.end() };
	return { destination: pino.destination({ dest: 2, sync: true }), end: nothing };
}
