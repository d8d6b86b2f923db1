/**
 * Where log lines go: standard error, which must not stop the node when its reader stands still.
 *
 * A line for a pipe or a socket is written at once as far as they take it, and the rest waits in
 * this process. Lines beyond a limit are dropped, counted, and told as soon as it flows again.
 *
 * @module
 */
import { fstatSync } from 'node:fs';
import process from 'node:process';
import type { Writable } from 'node:stream';

/** What log lines are written to. */
export interface LogOutput {
	write(line: string): void;
	/** Tells of what was dropped, if anything was, and then no more; what waits is still written. */
	end(): void;
}

/** The limit of an output, and who hears of what was dropped. */
export interface OutputParts {
	/** The most bytes that wait for the reader. */
	readonly bytesMax: number;
	/** Called with the number of lines that were dropped, when there is room again. */
	readonly onDropped: (lines: number) => void;
}

/** What all outputs of a stream share, so that it has one listener however many nodes run. */
interface Watched {
	/** The reader is gone: there is nothing to wait for. */
	isBroken: boolean;
	readonly onDrain: Set<() => void>;
}

const watchedStreams = new WeakMap<Writable, Watched>();

function watched(stream: Writable): Watched {
	const known = watchedStreams.get(stream);
	if (known) return known;
	const state: Watched = { isBroken: false, onDrain: new Set() };
	stream.on('drain', () => {
		for (const see of state.onDrain) see();
	});
	// An error of what still waits ends nothing, also after the end of the node.
	stream.on('error', () => void (state.isBroken = true));
	watchedStreams.set(stream, state);
	return state;
}

/** Writes to a stream that does not block, with a limit to what waits in it. */
export function boundedOutput(stream: Writable, { bytesMax, onDropped }: OutputParts): LogOutput {
	const state = watched(stream);
	let dropped = 0;
	let isEnding = false;
	const tell = (): void => {
		if (dropped === 0) return;
		const lines = dropped;
		dropped = 0;
		onDropped(lines);
	};
	state.onDrain.add(tell);
	return {
		write(line) {
			if (state.isBroken) return;
			const bytes = Buffer.from(line);
			// After a gap there must be room for many lines, or there would be a gap after each.
			const allowed = dropped > 0 ? bytesMax / 2 : bytesMax;
			if (!isEnding && stream.writableLength + bytes.length > allowed) {
				dropped += 1;
				return;
			}
			tell();
			stream.write(bytes);
		},
		end() {
			isEnding = true;
			tell();
			state.onDrain.delete(tell);
		},
	};
}

/**
 * The output to standard error, if another process reads it, which may stand still. (Files take
 * lines at once, and a terminal that is stopped with Ctrl-S stops all that writes to it.)
 */
export function outputToReader(parts: OutputParts): LogOutput | undefined {
	return hasReader() ? boundedOutput(process.stderr, parts) : undefined;
}

function hasReader(): boolean {
	try {
		const status = fstatSync(process.stderr.fd);
		return status.isFIFO() || status.isSocket();
	} catch {
		// It is closed.
		return false;
	}
}
