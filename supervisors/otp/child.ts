/**
 * The child: what a supervisor holds of an actor that it started, as Erlang's supervisors hold a
 * pid. It says nothing of how the actor is made; adapters make it from XState logic, from plain
 * functions and from other supervisors.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
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
	/** Whether it was killed: what is left of its code has no effect. */
	readonly isFenced: boolean;
	/** What runs in it, if its adapter shows it. */
	readonly inside?: unknown;
	/**
	 * Calls `see` once with the reason when the actor ends, or at once if it has ended already.
	 *
	 * @returns a function after which `see` is not called any more
	 */
	onExit(see: (reason: ExitReason) => void): () => void;
	/**
	 * Asks the actor to end, with `reason` if nothing goes wrong on the way. Asking twice is once.
	 */
	shutdown(reason?: ExitReason): void;
	/**
	 * Ends the actor without asking it. What is left of its code is fenced: its signal is raised and
	 * nothing that it sends or commits through a {@link fence} afterwards has an effect. The reason
	 * is `killed`, unless it dies of a link: then it is the reason of the other.
	 */
	kill(reason?: ExitReason): void;
	describe?(): ActorDescription;
}

/** How an adapter ends what it started. Each is called at most once, and never after the exit. */
export interface ChildEnds {
	readonly inside?: unknown;
	/** Asks; the adapter calls `exit` when the actor has ended. A throw is an exit with its error. */
	shutdown(reason: ExitReason): void;
	/** Stops what can be stopped; the actor counts as ended already, and a throw is ignored. */
	kill(): void;
	describe?(): ActorDescription;
}

/** A child with what its adapter needs of it. */
export interface OwnedChild extends Child {
	/** The actor has ended. Only the first call counts. */
	exit(reason: ExitReason): void;
}

type ExitListener = (reason: ExitReason) => void;

let created = 0;

/**
 * Makes a child. `ends` may use the child, since it is called only later.
 */
export function createChild(id: string, ends: ChildEnds): OwnedChild {
	return new SupervisedChild(id, ends);
}

/**
 * A child as it is in memory. There can be very many: with functions of its own each would take
 * several times the memory, and its supervised start twice the time (`npm run bench --
 * supervision`).
 */
class SupervisedChild implements OwnedChild {
	readonly id: string;
	isFenced = false;
	exitReason: ExitReason | undefined = undefined;
	private readonly number: number;
	private readonly ends: ChildEnds;
	private isAsked = false;
	private controller: AbortController | undefined = undefined;
	/** Most children have one listener, their supervisor: the first one needs no list. */
	private listener: ExitListener | undefined = undefined;
	private listeners: ExitListener[] | undefined = undefined;

	constructor(id: string, ends: ChildEnds) {
		this.id = id;
		this.ends = ends;
		this.number = created += 1;
	}

	get pid(): string {
		return `${this.id}#${this.number}`;
	}

	get inside(): unknown {
		return this.ends.inside;
	}

	get signal(): AbortSignal {
		this.controller ??= new AbortController();
		if (this.isFenced) this.controller.abort();
		return this.controller.signal;
	}

	onExit(see: ExitListener): () => void {
		if (this.exitReason !== undefined) {
			see(this.exitReason);
			return ignore;
		}
		if (!this.listener && !this.listeners) {
			this.listener = see;
			return () => {
				if (this.listener === see) this.listener = undefined;
			};
		}
		const listeners = (this.listeners ??= []);
		listeners.push(see);
		return () => {
			const index = listeners.indexOf(see);
			// Its slot stays: the list may be in the middle of an iteration.
			if (index >= 0) listeners[index] = ignore;
		};
	}

	shutdown(reason: ExitReason = 'shutdown'): void {
		if (this.isAsked || this.exitReason !== undefined) return;
		this.isAsked = true;
		try {
			this.ends.shutdown(reason);
		} catch (thrown) {
			this.exit(exitError(thrown));
		}
	}

	kill(reason: ExitReason = 'killed'): void {
		if (this.exitReason !== undefined) return;
		// The fence comes first: a listener may start a successor at once.
		this.exitReason = reason;
		this.isFenced = true;
		this.controller?.abort();
		tryToKill(this.ends);
		this.callListeners(reason);
	}

	exit(reason: ExitReason): void {
		if (this.exitReason !== undefined) return;
		this.exitReason = reason;
		this.callListeners(reason);
	}

	describe(): ActorDescription {
		return this.ends.describe?.() ?? {};
	}

	/** Calls all listeners in order, also if one throws; then throws the first error. */
	private callListeners(reason: ExitReason): void {
		const { listener, listeners } = this;
		this.listener = undefined;
		this.listeners = undefined;
		let thrown: { error: unknown } | undefined;
		const call = (see: ExitListener): void => {
			try {
				see(reason);
			} catch (error) {
				thrown ??= { error };
			}
		};
		if (listener) call(listener);
		if (listeners) for (const see of listeners) call(see);
		if (thrown) throw thrown.error;
	}
}

function ignore(): void {}

/** Whether the kill succeeded makes no difference: what is fenced cannot fail any more. */
function tryToKill(ends: ChildEnds): boolean {
	try {
		ends.kill();
		return true;
	} catch {
		return false;
	}
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
		if (child.isFenced) throw new ReeveError('killed', child.pid);
		return run(...args);
	};
}
