/**
 * Prints for the command line: results to standard output; progress, notes and hints to standard
 * error; status lines and colours only on a terminal. No other file prints.
 *
 * This file is the door to cli-table3.
 *
 * @module
 */
import { fstatSync, writeSync } from 'node:fs';
import process from 'node:process';
import { clearLine, cursorTo } from 'node:readline';
import { inspect, styleText } from 'node:util';
import { isatty, type WriteStream } from 'node:tty';
import { deferred } from '../../../runtime/platform/deferred.ts';
import type { ReeveError } from '../../../runtime/platform/errors.ts';
import { failureText, type Failure } from './error-text.ts';
import { lostOutput, writeToReader } from './reader-output.ts';
import { visibleText } from './visible-text.ts';

/** The screen that commands print on. */
export interface Screen {
	/** Whether standard output is a terminal. */
	readonly isTerminal: boolean;
	/** The width of standard output; infinite for a pipe. */
	readonly columns: number;
	/** Prints a result: text as it is, to standard output. */
	out(text: string): void;
	/**
	 * Prints for others, as the console of a node that goes on whatever becomes of it: nothing waits
	 * for its reader at the end of the program. Resolves when the reader or the disk has taken it; at
	 * most `bytesMax` wait for a reader that stands still.
	 *
	 * @throws ReeveError `file_failed`
	 */
	print(text: string, bytesMax: number): Promise<void>;
	/** Whether anything was printed for others. */
	isConsole(): boolean;
	/** Prints a note: a line on standard error. */
	note(text: string): void;
	/** Shows a status line that the next output replaces; on terminals only. */
	status(text: string): void;
	/** Replaces the contents of the terminal; elsewhere it only prints. */
	redraw(text: string): void;
	/** Prints a failure, with the stack of `stackOf` if that is given. */
	fail(failure: Failure, stackOf?: unknown): void;
	/** Resolves when the readers have taken all results, or all notes, or are gone. */
	drained(what: 'results' | 'notes'): Promise<void>;
	/** Raised when the reader of standard output or standard error is gone, or results are lost. */
	readonly closed: AbortSignal;
	/** Why results could not be written, such as a full disk; undefined if none is lost. */
	lost(): ReeveError | undefined;
}

type Paint = Parameters<typeof styleText>[0];

/** The colour of each kind of text. */
const paints: Readonly<Record<string, Paint>> = {
	heading: 'bold',
	good: 'green',
	bad: 'red',
	waiting: 'yellow',
	quiet: 'gray',
};

/** A kind of text that has a colour of its own. */
export type Shade = 'heading' | 'good' | 'bad' | 'waiting' | 'quiet';

/**
 * Text in the colour of its kind; plain where standard output shows none, or NO_COLOR asks for it.
 */
export function shade(kind: Shade, text: string): string {
	return styleText(paints[kind] ?? 'reset', text, { stream: process.stdout });
}

/** Creates the screen of this process. */
export function createScreen(): Screen {
	const { stdout, stderr } = process;
	const closed = new AbortController();
	let hasStatus = false;
	let isConsole = false;
	let lost: ReeveError | undefined;
	const lose = (thrown: unknown): void => {
		lost ??= lostOutput(thrown);
		closed.abort();
	};
	stderr.on('error', () => closed.abort());
	stdout.on('error', (thrown: NodeJS.ErrnoException) => {
		if (thrown.code === 'EPIPE' || thrown.code === 'ECONNRESET') closed.abort();
		else lose(thrown);
	});
	const shown = (text: string) => (stdout.isTTY ? visibleText(text) : text);
	const hasReader = isOfStream(stdout.fd);
	const write = hasReader
		? (text: string) => void stdout.write(shown(text))
		: (text: string) => writeWhole(stdout.fd, text, lose);

	const clear = (): void => {
		if (!hasStatus) return;
		hasStatus = false;
		eraseLine(stderr);
	};
	const note = (text: string): void => {
		clear();
		stderr.write(`${stderr.isTTY ? visibleText(text) : text}\n`);
	};
	/** A write is done after all that were made before it. */
	const drained = (stream: WriteStream): Promise<void> =>
		new Promise((resolve) => {
			if (stream.writableLength === 0) resolve();
			else stream.write('', () => resolve());
		});
	return {
		drained: (what) => drained(what === 'results' ? stdout : stderr),
		isTerminal: stdout.isTTY,
		columns: stdout.columns ?? Number.POSITIVE_INFINITY,
		closed: closed.signal,
		lost: () => lost,
		out(text) {
			clear();
			write(text);
		},
		print(text, bytesMax) {
			isConsole = true;
			clear();
			if (hasReader) return writeToReader(stdout, shown(text), bytesMax);
			return new Promise((resolve, reject) => {
				writeWhole(stdout.fd, text, (thrown) => reject(lostOutput(thrown)));
				resolve();
			});
		},
		isConsole: () => isConsole,
		note,
		status(text) {
			if (!stderr.isTTY || !stdout.isTTY) return;
			eraseLine(stderr);
			stderr.write(visibleText(text).slice(0, stderr.columns - 1));
			hasStatus = true;
		},
		redraw(text) {
			if (stdout.isTTY) {
				cursorTo(stdout, 0, 0);
				stdout.write('\u001B[J');
			}
			write(text);
		},
		fail(failure, stackOf) {
			note(failureText(failure).trimEnd());
			if (stackOf !== undefined) note(inspect(stackOf));
		},
	};
}

/**
 * Waits until the reader has taken all results, or `signal` is raised. What prints without end
 * waits after each result: else the output for a reader that stands still would have no bound.
 */
export async function resultsTaken(screen: Screen, signal: AbortSignal): Promise<void> {
	if (signal.aborted) return;
	const over = deferred();
	const stop = (): void => over.resolve();
	signal.addEventListener('abort', stop, { once: true });
	await Promise.race([screen.drained('results'), over.promise]);
	signal.removeEventListener('abort', stop);
}

/** Whether a reader takes what is written: a terminal, a pipe or a socket, and not a file. */
function isOfStream(fd: number): boolean {
	try {
		const status = fstatSync(fd);
		return isatty(fd) || status.isFIFO() || status.isSocket();
	} catch {
		// It is closed: the stream has an error of its own for that.
		return true;
	}
}

/** Writes all of a text. (A stream for a file writes once, although the disk may take a part.) */
function writeWhole(fd: number, text: string, onFailed: (thrown: unknown) => void): void {
	const bytes = Buffer.from(text);
	try {
		for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
	} catch (thrown) {
		onFailed(thrown);
	}
}

function eraseLine(stream: WriteStream): void {
	cursorTo(stream, 0);
	clearLine(stream, 0);
}

/** Aligns rows below their headings, without borders; the last column is not padded. */
export async function tableText(
	head: readonly string[],
	rows: readonly (readonly string[])[],
	widths: readonly number[] = [],
): Promise<string> {
	const { default: Table } = await import('cli-table3');
	const nothing = Object.fromEntries(borders.map((border) => [border, '']));
	const table = new Table({
		chars: { ...nothing, middle: '  ' },
		style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
		colWidths: head.map((_, at) => widths[at] ?? null),
	});
	const hasHead = head.some((word) => word !== '');
	if (hasHead) table.push(head.map((word) => shade('heading', word)));
	for (const row of rows) table.push([...row]);
	return `${table.toString().replaceAll(/[ \t]+$/gm, '')}\n`;
}

const sides = ['top', 'bottom', 'left', 'right', 'mid'];
const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'];
const borders = sides.concat(corners, 'left-mid', 'mid-mid', 'right-mid');
