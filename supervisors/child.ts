/**
 * The child: what a supervisor holds of an actor that it started, as Erlang's supervisors hold a pid.
 * It says nothing of how the actor is made; adapters make it from XState logic, from plain functions
 * and from other supervisors.
 *
 * @module
 */
import { ReeveError } from '../runtime/errors.ts';
import { exitError, type ExitReason } from './exit-reason.ts';

/** What a crash report can tell of an actor's inside. All fields are optional. */
export interface ActorDescription {
	/** The logic that it was started with. */
	readonly initialCall?: string;
	/** Its state, as a value that can be printed. */
	readonly state?: unknown;
	readonly lastMessage?: unknown;
	readonly mailboxLength?: number;
}

/** A living or ended actor. */
export interface Child {
	/** Unique in this process, and never used again: `<child id>#<number>`. */
	readonly pid: string;
	/** The id in its supervisor's specification, or the name of a supervisor. */
	readonly id: string;
	/** Why it ended; undefined while it lives. */
	readonly exitReason: ExitReason | undefined;
	/** Raised when the actor is killed. */
	readonly signal: AbortSignal;
	/**
	 * Calls `see` once with the reason when the actor ends, or at once if it has ended already.
	 *
	 * @returns a function after which `see` is not called any more
	 */
	onExit(see: (reason: ExitReason) => void): () => void;
	/** Asks the actor to end, with `reason` if nothing goes wrong on the way. Asking twice is once. */
	shutdown(reason?: ExitReason): void;
	/**
	 * Ends the actor without asking it. What is left of its code is fenced: its signal is raised and
	 * nothing that it sends or commits afterwards has an effect.
	 */
	kill(): void;
	describe?(): ActorDescription;
}

/** How an adapter ends what it started. Each is called at most once, and never after the exit. */
export interface ChildEnds {
	/** Asks; the adapter calls `exit` when the actor has ended. A throw is an exit with its error. */
	shutdown(reason: ExitReason): void;
	/** Stops what can be stopped; the actor counts as ended already, and a throw is ignored. */
	kill(): void;
	describe?(): ActorDescription;
}

/** A child with what its adapter needs of it. */
export interface OwnedChild extends Child {
	/** The actor has ended. Only the first call counts. */
	readonly exit: (reason: ExitReason) => void;
}

type Watcher = (reason: ExitReason) => void;

let born = 0;

/** Makes a child. `ends` may use the child, since it is called only later. */
export function createChild(id: string, ends: ChildEnds): OwnedChild {
	const number = (born += 1);
	const watchers = createWatchers();
	let ended: ExitReason | undefined;
	let controller: AbortController | undefined;
	let isAsked = false;

	const exit = (reason: ExitReason): void => {
		if (ended !== undefined) return;
		ended = reason;
		watchers.tell(reason);
	};
	const child: OwnedChild = {
		get pid() {
			return `${id}#${number}`;
		},
		id,
		get exitReason() {
			return ended;
		},
		get signal() {
			controller ??= new AbortController();
			if (ended === 'killed') controller.abort();
			return controller.signal;
		},
		onExit(see) {
			if (ended === undefined) return watchers.add(see);
			see(ended);
			return () => {};
		},
		shutdown(reason = 'shutdown') {
			if (isAsked || ended !== undefined) return;
			isAsked = true;
			try {
				ends.shutdown(reason);
			} catch (thrown) {
				exit(exitError(thrown));
			}
		},
		kill() {
			if (ended !== undefined) return;
			// The fence comes first: whoever learns of the exit may start a successor at once.
			ended = 'killed';
			controller?.abort();
			try {
				ends.kill();
			} catch {
				// What is fenced cannot fail any more.
			}
			watchers.tell('killed');
		},
		exit,
	};
	if (ends.describe) child.describe = () => ends.describe?.() ?? {};
	return child;
}

/**
 * `run` behind a fence: once `child` has been killed, calls throw instead of having an effect.
 *
 * @throws ReeveError `killed`, from the function that it returns
 */
export function fence<Args extends readonly unknown[], Result>(
	child: Child,
	run: (...args: Args) => Result,
): (...args: Args) => Result {
	return (...args) => {
		if (child.exitReason === 'killed') throw new ReeveError('killed', child.pid);
		return run(...args);
	};
}

/**
 * Those who wait for one exit. Most children are watched by their supervisor alone, and there can be
 * very many of them: so the first watcher is kept without a list.
 */
function createWatchers() {
	let first: Watcher | undefined;
	let more: Set<{ see: Watcher }> | undefined;
	return {
		add(see: Watcher): () => void {
			if (!first && !more) {
				first = see;
				return () => {
					if (first === see) first = undefined;
				};
			}
			const entry = { see };
			more ??= new Set();
			more.add(entry);
			return () => void more?.delete(entry);
		},
		/** Tells all of them, in their order, also if one throws; then throws what it threw. */
		tell(reason: ExitReason): void {
			const all = [...(first ? [{ see: first }] : []), ...(more ?? [])];
			first = undefined;
			more = undefined;
			let thrown: { error: unknown } | undefined;
			for (const { see } of all) {
				try {
					see(reason);
				} catch (error) {
					thrown ??= { error };
				}
			}
			if (thrown) throw thrown.error;
		},
	};
}
