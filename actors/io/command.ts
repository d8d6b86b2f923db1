/**
 * Commands of the operating system: started without a shell, in a process group of their own, so
 * that what a command has started dies with it.
 *
 * This file is the door to execa.
 *
 * @module
 */
import process from 'node:process';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** A command to run, and what bounds it. */
export interface Command {
	/** The program and its arguments. */
	readonly argv: readonly string[];
	/** Added to the environment of this process; undefined takes a variable out of it. */
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Ends the command when it is raised. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
	/** The most bytes of stdout, and of stderr, that are collected. */
	readonly outputBytesMax: number;
	/**
	 * Takes the output as it comes, instead of having it collected; no more is read before it
	 * resolves, so that a command which prints faster waits. It must not reject.
	 */
	readonly onOutput?: (chunk: Uint8Array, stream: 'stdout' | 'stderr') => Promise<void>;
}

/** How a command ended. */
export interface CommandEnd {
	readonly stdout: Uint8Array;
	readonly stderr: Uint8Array;
	/** Set if the command ended by itself. */
	readonly exitCode?: number;
	/** The signal that it died of, such as `SIGTERM`. */
	readonly killedBy?: string;
	/** Why it was killed from here: the signal of the caller, or output beyond its limit. */
	readonly cut?: 'aborted' | 'output_too_large';
	readonly durationMs: number;
}

/**
 * How long something in the background may hold the pipes open after the command itself has ended.
 */
const graceMs = 1000;
/**
 * More than pipes hold: if so much comes behind the end of a command, somebody else is printing.
 */
const bytesBehindMax = 1_048_576;

/**
 * Runs a command to its end. Its stdin is empty.
 *
 * When the signal is raised, or an output passes its limit, the whole group is killed (SIGKILL),
 * what the command started included; the output up to then is kept. A process that has left the
 * group, as daemons do, is not reached.
 *
 * A command is over when it has exited. What it left in the background lives on, as it would
 * without reeve; if that still holds the pipes after a second, they are closed.
 *
 * @throws ReeveError `command_not_found` if it cannot be started, `bad_arguments` if no system
 * could
 * start it so (a NUL, or more text than fits), `command_failed` if this system cannot now
 */
export async function runCommand(command: Command): Promise<CommandEnd> {
	const { clock, signal } = command;
	const startedAt = clock.monotonic();
	const nothing = new Uint8Array();
	if (signal.aborted) return { stdout: nothing, stderr: nothing, cut: 'aborted', durationMs: 0 };
	const child = start(command);
	let isOver = false;
	let cut: CommandEnd['cut'];
	let grace: Timer | undefined;
	let look: NodeJS.Immediate | undefined;

	const dropPipes = () => {
		child.stdout.destroy();
		child.stderr.destroy();
	};
	const reading = createReading(command);
	/**
	 * After the grace, and after one more look at the pipes. If this process stood still for all of
	 * it, what was printed before the end may still be in them; and two commands that end at the same
	 * time can be seen to have exited before their last output is.
	 */
	const afterGrace = (then: () => void) => {
		grace = clock.after(graceMs, () => (look = setImmediate(then)));
	};
	/** What was printed before the end is still to be read, as long as somebody reads. */
	const dropLater = (before: number, bytesAtEnd: number) => {
		const { bytes } = reading;
		const isSilent = bytes === before && !reading.isWaiting;
		if (isSilent || bytes - bytesAtEnd > bytesBehindMax) dropPipes();
		else afterGrace(() => dropLater(bytes, bytesAtEnd));
	};
	const onExit = () => {
		isOver = true;
		const { bytes } = reading;
		if (cut && !command.onOutput) dropPipes();
		else afterGrace(() => dropLater(bytes, bytes));
	};
	const kill = (why: CommandEnd['cut']) => {
		cut ??= why;
		if (!isOver && child.pid !== undefined) killGroup(child.pid);
	};
	// A command that has ended in time has not been cut, whatever it left in the background.
	const abort = () => (isOver ? dropPipes() : kill('aborted'));

	child.once('exit', onExit);
	signal.addEventListener('abort', abort, { once: true });
	const tooMuch = () => kill('output_too_large');
	const stdout = reading.read(child.stdout, 'stdout', tooMuch);
	const stderr = reading.read(child.stderr, 'stderr', tooMuch);
	try {
		const { code, exitCode, signal: killedBy } = await child;
		if (code !== undefined) throw startError(code, command.argv);
		await reading.over();
		const durationMs = clock.monotonic() - startedAt;
		const output = { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
		return { ...output, exitCode, killedBy, cut, durationMs };
	} finally {
		grace?.cancel();
		clearImmediate(look);
		signal.removeEventListener('abort', abort);
	}
}

/**
 * Kills a process group at once; whether there was one to kill.
 *
 * Windows knows no groups: there only the process itself is killed.
 */
export function killGroup(groupId: number): boolean {
	try {
		process.kill(process.platform === 'win32' ? groupId : -groupId, 'SIGKILL');
		return true;
	} catch (thrown) {
		// It has just ended by itself (ESRCH), or has become another user's (EPERM).
		const code: unknown = Reflect.get(Object(thrown), 'code');
		if (code === 'ESRCH' || code === 'EPERM') return false;
		throw thrown;
	}
}

function start({ argv: [file = '', ...args], env }: Command) {
	if ([file, ...args, ...Object.values(env)].some((text) => text?.includes('\0'))) {
		throw new ReeveError('bad_arguments', 'neither arguments nor data of a command may hold a NUL');
	}
	return execa(file, args, {
		env: { ...env },
		detached: true,
		stdin: 'ignore',
		buffer: false,
		reject: false,
		encoding: 'buffer',
		stripFinalNewline: false,
	});
}

/** Reads what a command prints: collects it, or hands it on. */
function createReading({ outputBytesMax, onOutput }: Command) {
	const handedOn: Promise<void>[] = [];
	let bytes = 0;
	let waiting = 0;
	const handOn = async (stream: Readable, name: 'stdout' | 'stderr') => {
		try {
			for await (const chunk of stream) {
				bytes += (chunk as Uint8Array).length;
				waiting += 1;
				await onOutput?.(chunk as Uint8Array, name);
				waiting -= 1;
			}
		} catch (thrown) {
			// Its pipe was dropped.
			if (!stream.destroyed) throw thrown;
		}
	};
	return {
		/** How much has come so far, if it is handed on. */
		get bytes() {
			return bytes;
		},
		/** Whether somebody has not finished with what came last. */
		get isWaiting() {
			return waiting > 0;
		},
		read(stream: Readable, name: 'stdout' | 'stderr', tooMuch: () => void): readonly Uint8Array[] {
			if (!onOutput) return collect(stream, outputBytesMax, tooMuch);
			handedOn.push(handOn(stream, name));
			return [];
		},
		/** Resolves when everything is handed on. */
		over: () => Promise.all(handedOn),
	};
}

/** Collects a stream up to `bytesMax`, and calls `tooMuch` once if more comes. */
function collect(stream: Readable, bytesMax: number, tooMuch: () => void): readonly Uint8Array[] {
	const chunks: Uint8Array[] = [];
	let left = bytesMax;
	let isFull = false;
	stream.on('data', (chunk: Uint8Array) => {
		if (isFull) return;
		chunks.push(chunk.subarray(0, left));
		isFull = chunk.length > left;
		left -= Math.min(left, chunk.length);
		if (isFull) tooMuch();
	});
	return chunks;
}

/** Errors of the start that the command's name or file is to blame for. */
const notFoundCodes = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ENOEXEC', 'ELOOP']);

function startError(code: string, argv: readonly string[]): ReeveError {
	const file = JSON.stringify(argv[0] ?? '');
	if (notFoundCodes.has(code)) return new ReeveError('command_not_found', `${file} (${code})`);
	if (code === 'E2BIG') {
		return new ReeveError('bad_arguments', 'arguments and data are larger than the system allows');
	}
	if (code === 'ERR_INVALID_ARG_VALUE') return new ReeveError('bad_arguments', `command ${file}`);
	return new ReeveError('command_failed', `${file} could not be started (${code})`);
}
