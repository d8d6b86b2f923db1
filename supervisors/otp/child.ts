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

type Watcher = (reason: ExitReason) => void;

/** A child as it is in memory. */
interface Body extends OwnedChild {
	readonly number: number;
	readonly ends: ChildEnds;
	ended: ExitReason | undefined;
	isAsked: boolean;
	isFenced: boolean;
	controller: AbortController | undefined;
	/** Most children are watched by their supervisor alone: the first watcher needs no list. */
	watcher: Watcher | undefined;
	watchers: Watcher[] | undefined;
}

let born = 0;

function ignore(): void {}

/**
 * Makes a child. `ends` may use the child, since it is called only later.
 *
 * There can be very many children, so they share their methods: a child with functions of its own
 * would take several times the memory, and its supervised start twice the time (`npm run bench --
 * supervision`).
 */
export function createChild(id: string, ends: ChildEnds): OwnedChild {
	const body = Object.create(methods) as { -readonly [Key in keyof Body]: Body[Key] };
	body.id = id;
	body.number = born += 1;
	body.ends = ends;
	body.ended = undefined;
	body.isAsked = false;
	body.isFenced = false;
	body.controller = undefined;
	body.watcher = undefined;
	body.watchers = undefined;
	return body;
}

const methods: Omit<OwnedChild, 'id' | 'isFenced'> & ThisType<Body> = {
	get pid() {
		return `${this.id}#${this.number}`;
	},
	get exitReason() {
		return this.ended;
	},
	get inside() {
		return this.ends.inside;
	},
	get signal() {
		this.controller ??= new AbortController();
		if (this.isFenced) this.controller.abort();
		return this.controller.signal;
	},
	onExit(see) {
		if (this.ended !== undefined) {
			see(this.ended);
			return () => {};
		}
		if (!this.watcher && !this.watchers) {
			this.watcher = see;
			return () => {
				if (this.watcher === see) this.watcher = undefined;
			};
		}
		const watchers = (this.watchers ??= []);
		watchers.push(see);
		return () => {
			const index = watchers.indexOf(see);
			// It keeps its place: the others may just be being told.
			if (index >= 0) watchers[index] = ignore;
		};
	},
	shutdown(reason = 'shutdown') {
		if (this.isAsked || this.ended !== undefined) return;
		this.isAsked = true;
		try {
			this.ends.shutdown(reason);
		} catch (thrown) {
			this.exit(exitError(thrown));
		}
	},
	kill(reason = 'killed') {
		if (this.ended !== undefined) return;
		// The fence comes first: whoever learns of the exit may start a successor at once.
		this.ended = reason;
		this.isFenced = true;
		this.controller?.abort();
		stopWhatCanBe(this.ends);
		tellMonitors(this, reason);
	},
	exit(reason) {
		if (this.ended !== undefined) return;
		this.ended = reason;
		tellMonitors(this, reason);
	},
	describe() {
		return this.ends.describe?.() ?? {};
	},
};

/** Whether it could be stopped makes no difference: what is fenced cannot fail any more. */
function stopWhatCanBe(ends: ChildEnds): boolean {
	try {
		ends.kill();
		return true;
	} catch {
		return false;
	}
}

/** Tells all watchers, in their order, also if one throws; then throws what it threw. */
function tellMonitors(body: Body, reason: ExitReason): void {
	const { watcher, watchers } = body;
	body.watcher = undefined;
	body.watchers = undefined;
	let thrown: { error: unknown } | undefined;
	const tell = (see: Watcher): void => {
		try {
			see(reason);
		} catch (error) {
			thrown ??= { error };
		}
	};
	if (watcher) tell(watcher);
	if (watchers) for (const see of watchers) tell(see);
	if (thrown) throw thrown.error;
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
