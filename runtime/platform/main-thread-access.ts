/**
 * A thread that does for the watchdog what may take memory or never return: it asks the debugger of
 * the main thread, and writes. The watchdog itself only waits for it, so it decides whatever
 * becomes of this thread.
 *
 * @module
 */
import { Worker } from 'node:worker_threads';

/** What the thread is asked to do; it answers each with an {@link AccessAnswer}. */
export type AccessRequest =
	/** What runs in the main thread. */
	| { readonly do: 'ask' }
	/** Writes a record, if there is one, and a line to standard error. */
	| { readonly do: 'tell'; readonly line: string; readonly record?: AccessRecord }
	/** Lets the main thread end the process. */
	| { readonly do: 'exit' };

/** A file, and the folder that it is in, which may be missing. */
export interface AccessRecord {
	readonly folder: string;
	readonly path: string;
	readonly text: string;
}

/** The answer to a request. */
export interface AccessAnswer {
	readonly did: AccessRequest['do'];
	/** The functions that run, the innermost first; only after `ask`. */
	readonly stack?: string;
}

/** Far more than it needs for the few functions that are told. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };

/** `tsx` names functions by one of its own. */
const asText = (work: () => unknown): string =>
	`((__name) => (${work.toString()})())((work) => work)`;

/**
 * Starts the thread. It is given as text, not as a file, because the disk may be what the main
 * thread waits for.
 */
export function openMainThread(): Worker {
	const workerData = { ask: asText(runningFunctions), exit: 'process.reallyExit(137)' };
	return new Worker(asText(serve), { eval: true, workerData, resourceLimits });
}

/**
 * Evaluated in the main thread, between two steps of what runs there. It takes the innermost
 * functions only: all of a deep stack are too many.
 */
function runningFunctions(): unknown {
	const { stackTraceLimit } = Error;
	const prepare: unknown = Reflect.get(Error, 'prepareStackTrace');
	try {
		Error.stackTraceLimit = 20;
		Error.prepareStackTrace = (_, sites) =>
			sites
				// Without this function and its caller, and those of the language itself.
				.slice(2)
				.filter((site) => site.getFileName())
				.slice(0, 8)
				.map((site) => {
					const name = site.getFunctionName() ?? 'a function';
					return `${name} (${site.getFileName()}:${site.getLineNumber()})`;
				})
				.join(' < ');
		return new Error('asked').stack;
	} finally {
		Error.stackTraceLimit = stackTraceLimit;
		Reflect.set(Error, 'prepareStackTrace', prepare);
	}
}

/** The thread itself; it must need nothing that is outside of it. */
function serve(): void {
	const fs = process.getBuiltinModule('node:fs');
	const { Session } = process.getBuiltinModule('node:inspector');
	const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
	const words = workerData as { readonly ask: string; readonly exit: string };
	const session = new Session();
	session.connectToMainThread();
	const answer = (given: AccessAnswer): void => parentPort?.postMessage(given, []);
	/** What fails is left out: without a record the next start isolates the message as well. */
	const isDone = (work: () => unknown): boolean => {
		try {
			work();
			return true;
		} catch {
			return false;
		}
	};
	const ask = (): void =>
		session.post('Runtime.evaluate', { expression: words.ask }, (_, found) => {
			const { value, description = '' } = found?.result ?? {};
			// A full stack has no room for the question either, and its error names the functions.
			const full = description.split(/\n +at /).slice(1, 9);
			answer({ did: 'ask', stack: typeof value === 'string' ? value : full.join(' < ') });
		});
	const tell = ({ line, record }: AccessRequest & { readonly do: 'tell' }): void => {
		if (record) {
			isDone(() => fs.mkdirSync(record.folder, { recursive: true, mode: 0o700 }));
			isDone(() => fs.writeFileSync(record.path, record.text, { mode: 0o600 }));
		}
		isDone(() => fs.writeSync(2, `${line}\n`));
		answer({ did: 'tell' });
	};
	const exit = (): void => {
		session.post('Runtime.evaluate', { expression: words.exit });
		// On a full stack that did nothing: there it has to be left first.
		session.post('Runtime.terminateExecution');
		session.post('Runtime.evaluate', { expression: words.exit });
		answer({ did: 'exit' });
	};
	parentPort?.on('message', (request: AccessRequest) => {
		if (request.do === 'ask') ask();
		else if (request.do === 'tell') tell(request);
		else exit();
	});
}
