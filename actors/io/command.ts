/**
 * Commands of the operating system: started without a shell, in a process group of their own, so
 * that a command is killed with all that it has started.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { withoutOwnFiles } from '../../runtime/platform/child-files.ts';
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import { holdsSecret } from '../../runtime/text/secret-file.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { checkWorkingFolder } from '../../runtime/platform/working-folder.ts';

/** A command to run, and its limits. */
export interface Command {
	/** The program and its arguments. */
	readonly argv: readonly string[];
	/** Added to the {@link inheritedVariables}; undefined takes a variable out of them. */
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Ends the command when it is raised. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
	/** The most bytes of stdout, and of stderr, that are collected. */
	readonly outputBytesMax: number;
	/**
	 * Takes the output as it comes, instead of collecting it. No more is read before it resolves, so
	 * a command that prints faster waits. It must not reject.
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
	/** Why this node killed it: the signal of the caller, or output beyond its limit. */
	readonly cut?: 'aborted' | 'output_too_large';
	readonly durationMs: number;
}

/** How long background processes may hold the pipes open after the command itself has ended. */
const graceMs = 1000;
/** More than pipes hold: so much output after a command's end is from another process. */
const bytesBehindMax = 1_048_576;

/**
 * Runs a command to its end. Its stdin is empty, and it has none of the files of this process.
 *
 * When the signal is raised, or an output passes its limit, the whole process group is killed
 * (SIGKILL); the output up to then is kept. A process that has left the group, as daemons do,
 * survives this; see `command-message.ts`.
 *
 * A command is over when it has exited. Processes that it left in the background go on, as they
 * would without reeve; if they still hold the pipes after a second, the pipes are closed.
 *
 * @throws ReeveError `folder_gone` without a working directory, `command_not_found` if the command
 * cannot be started, `bad_arguments` if no system
 * could start it (a NUL, or more text than fits), `command_failed` if this system cannot now
 */
export async function runCommand(command: Command): Promise<CommandEnd> {
	const { clock, signal } = command;
	const startedAt = clock.monotonic();
	const nothing = new Uint8Array();
	if (signal.aborted) return { stdout: nothing, stderr: nothing, cut: 'aborted', durationMs: 0 };
	const child = start(command);
	const ended = endOf(child, command);
	const { stdout: out, stderr: err } = child;
	// Without descriptors to spare there are no pipes, and this is an error.
	if (!out || !err) return { ...(await ended), stdout: nothing, stderr: nothing, durationMs: 0 };
	let isOver = false;
	let cut: CommandEnd['cut'];
	let grace: Timer | undefined;
	let lastRead: NodeJS.Immediate | undefined;

	const dropPipes = () => {
		out.destroy();
		err.destroy();
	};
	const reading = createReading(command);
	/**
	 * Calls `then` after the grace, and after the pipes were read once more. If the event loop was
	 * blocked all the time, output from before the end may still be in them; and of two commands that
	 * end at the same time, the exit can be seen before the last output.
	 */
	const afterGrace = (then: () => void) => {
		grace = clock.after(graceMs, () => (lastRead = setImmediate(then)));
	};
	/** Closes the pipes when all output from before the end has been read. */
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
	// A command that has exited was not cut, whatever it left in the background.
	const abort = () => (isOver ? dropPipes() : kill('aborted'));

	child.once('exit', onExit);
	signal.addEventListener('abort', abort, { once: true });
	const tooMuch = () => kill('output_too_large');
	const stdout = reading.read(out, 'stdout', tooMuch);
	const stderr = reading.read(err, 'stderr', tooMuch);
	try {
		const { exitCode, killedBy } = await ended;
		await reading.over();
		const durationMs = clock.monotonic() - startedAt;
		const output = { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
		return { ...output, exitCode, killedBy, cut, durationMs };
	} finally {
		grace?.cancel();
		clearImmediate(lastRead);
		signal.removeEventListener('abort', abort);
	}
}

/**
 * Kills a process group at once; false if there was none to kill.
 *
 * Windows knows no groups: there only the process itself is killed.
 */
export function killGroup(groupId: number): boolean {
	try {
		process.kill(process.platform === 'win32' ? groupId : -groupId, 'SIGKILL');
		return true;
	} catch (thrown) {
		// It has just ended by itself (ESRCH), or belongs to another user by now (EPERM).
		const code: unknown = Reflect.get(Object(thrown), 'code');
		if (code === 'ESRCH' || code === 'EPERM') return false;
		throw thrown;
	}
}

/**
 * The variables of this process, but for its own settings, for what systemd gives to the node
 * alone, and for those with a secret that the node has read, whatever their names.
 */
function inheritedVariables(): NodeJS.ProcessEnv {
	const others = Object.entries(process.env).filter(
		([name, value = '']) => !ownVariables.test(name) && !holdsSecret(value),
	);
	return Object.fromEntries(others);
}

const ownVariables = /^(?:REEVE_|(?:CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|LISTEN_\w+|WATCHDOG_\w+)$)/;

function start({ argv: [file = '', ...args], env }: Command) {
	if ([file, ...args, ...Object.values(env)].some((text) => text?.includes('\0'))) {
		throw new ReeveError('bad_arguments', 'neither arguments nor data of a command may hold a NUL');
	}
	checkWorkingFolder();
	try {
		return withoutOwnFiles((files): ChildProcess =>
			spawn(file, args, {
				env: { ...inheritedVariables(), ...env },
				detached: true,
				stdio: ['ignore', 'pipe', 'pipe', ...files],
			}),
		);
	} catch (thrown) {
		throw startError(thrown, [file]);
	}
}

/** How a command ended by itself, or of what signal, when its pipes are closed as well. */
async function endOf(child: ChildProcess, { argv }: Command) {
	return new Promise<Pick<CommandEnd, 'exitCode' | 'killedBy'>>((resolve, reject) => {
		child.once('error', (thrown) => reject(startError(thrown, argv)));
		child.once('close', (exitCode, killedBy) => {
			resolve(killedBy ? { killedBy } : { exitCode: exitCode ?? 0 });
		});
	});
}

/** Reads the output of a command: collects it, or passes it to `onOutput`. */
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
			// The pipe was closed here.
			if (!stream.destroyed) throw thrown;
		}
	};
	return {
		/** How many bytes have come so far, if they are handed on. */
		get bytes() {
			return bytes;
		},
		/** Whether `onOutput` has not resolved yet for what came last. */
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

/** Start errors that are due to the command's name or file. */
const notFoundCodes = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ENOEXEC', 'ELOOP']);

function startError(thrown: unknown, argv: readonly string[]): ReeveError {
	const code = String(Reflect.get(Object(thrown), 'code'));
	const file = JSON.stringify(argv[0] ?? '');
	if (notFoundCodes.has(code)) return new ReeveError('command_not_found', `${file} (${code})`);
	if (code === 'E2BIG') {
		return new ReeveError('bad_arguments', 'arguments and data are larger than the system allows');
	}
	if (code === 'ERR_INVALID_ARG_VALUE') return new ReeveError('bad_arguments', `command ${file}`);
	return new ReeveError('command_failed', `${file} could not be started (${code})`);
}
