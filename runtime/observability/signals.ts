/**
 * Signals: everything that can be seen of a node, as one typed union. Logs, metrics, the console
 * and `--watch` are projections of this stream only. A signal does not survive the process, and
 * only the last ones stay in the ring; what must survive belongs into the journal.
 *
 * @module
 */
import type { ErrorCode } from '../platform/errors.ts';

/**
 * Why an actor ended, in OTP's words: `normal`, `shutdown`, `killed`, or the error it crashed with.
 */
export interface CrashReport {
	/** The registered name or child id of the actor. */
	readonly actor: string;
	/** Which start of the child it was: `<child id>#<number>`. */
	readonly pid?: string;
	/** The logic that the actor was started with. */
	readonly initialCall?: string;
	/** The supervisors above it, nearest first. */
	readonly ancestors: readonly string[];
	readonly reason: string;
	readonly stack?: string;
	/** The last message, state and mailbox length, where the actor has them; secrets are redacted. */
	readonly lastMessage?: string;
	readonly state?: string;
	readonly mailboxLength?: number;
	readonly neighbours?: readonly string[];
	readonly restarts?: number;
}

/** The members of the union, by type. The name is `<noun>.<what happened>`. */
export interface SignalFields {
	'node.starting': { version: string; dataFolder: string };
	'node.ready': { replayed: number; tookMs: number };
	'node.stopping': { reason: string };
	'node.stopped': { reason: string };
	'message.accepted': { id: string; method: string; from: string; to: string; via: string };
	/** `method` and `topic` as far as they are known. */
	'message.refused': {
		code: ErrorCode;
		detail: string;
		via: string;
		id?: string;
		method?: string;
		topic?: string;
	};
	/** A message of the at-most-once kinds that could not be taken. */
	'message.dropped': { id: string; code: string };
	/** A publication whose signature is missing, wrong or already used. */
	'signature.refused': { code: ErrorCode; from: string; topic: string };
	/** A node has announced a key that is not accepted here. */
	'key.pending': { name: string; fingerprint: string; isOther: boolean };
	/** A key in a file that cannot be understood, and is not trusted. */
	'key.unreadable': { place: string; why: string };
	/** `acl.yaml` cannot be understood, and allows nothing. */
	'access.unreadable': { why: string };
	'message.duplicate': { id: string; method: string; from: string };
	'message.settled': { id: string; method: string; to: string; outcome: string; ageMs: number };
	'delivery.sent': { to: string; method: string; count: number; attempt: number };
	/** `tookMs`: since the oldest frame of the lane without an answer was sent. */
	'delivery.acked': { to: string; method: string; count: number; tookMs: number };
	'delivery.waiting': { to: string; method: string; why: string };
	'delivery.refused': { to: string; method: string; id: string; code: string };
	/** An acknowledgement about messages that this lane never had. */
	'delivery.doubted': { to: string; method: string; upTo: number };
	/** The receiver refuses a whole lane; no message is resolved by that. */
	'delivery.stopped': { to: string; method: string; code: string };
	/** This store is an older copy of itself, and has another identity from now on. */
	'store.renewed': { storeId: string; before: string; why: string };
	'delivery.gaveUp': { to: string; method: string; id: string; attempts: number };
	'call.started': { id: string; method: string; from: string; attempt: number };
	/** A running method has a trouble that does not end it, such as a full disk. */
	'call.warned': { id: string; method: string; code: ErrorCode; detail: string };
	'call.ended': {
		id: string;
		method: string;
		from: string;
		outcome: string;
		tookMs: number;
		attempts: number;
		/** Empty if the outcome is `done`. */
		code: string;
		detail: string;
		stderr: string;
		methodArgs: readonly string[];
	};
	'child.started': { supervisor: string; child: string };
	'child.exited': { supervisor: string; child: string; reason: string };
	'child.restarted': { supervisor: string; child: string; restarts: number };
	'supervisor.gaveUp': { supervisor: string; child: string; reason: string };
	'supervisor.report': { supervisor: string; report: string; child?: string; detail?: string };
	'actor.crashed': CrashReport;
	/** An instance of a declared actor failed at an event, and goes on as `recovery` says. */
	'instance.failed': {
		actor: string;
		key: string;
		event: string;
		detail: string;
		attempts: number;
		recovery: string;
	};
	/** An instance is parked: its state is kept, and its mail waits for the operator. */
	'instance.parked': { actor: string; key: string; reason: string };
	/** A parked instance runs again; `waiting` messages and events had waited for it. */
	'instance.unparked': { actor: string; key: string; mode: string; waiting: number };
	'instance.emitted': { actor: string; key: string; event: string };
	/** A machine monitors another node, or an actor there; the monitor is on disk. */
	'monitor.opened': { actor: string; key: string; node: string };
	/**
	 * A file of the definitions folder is wrong; the definition that was in force before still is.
	 */
	'definition.refused': { file: string; actor: string; detail: string };
	/** Another definition of an actor is in force, or none any more. */
	'definition.changed': { file: string; actor: string; what: string };
	'alert.raised': { actor: string; key: string; severity: string; text: string };
	'step.started': { actor: string; key: string; step: string; stepId: string };
	'step.ended': { actor: string; key: string; step: string; stepId: string; outcome: string };
	'journal.failed': { code: ErrorCode; detail: string };
	'journal.recovered': { pausedMs: number };
	/** A transaction is flushed. There are many of these: the ring does not keep them. */
	'journal.committed': { count: number; tookMs: number };
	/** The wall clock was set: it moved so far beside the time of the store. */
	'clock.jumped': { byMs: number };
	/**
	 * Lines of the log were dropped: those of one signal beyond its rate, or of all, because the
	 * reader of the log stood still, and reads again.
	 */
	'log.dropped': { lines: number; what?: string };
	/** A damaged store was moved aside, and a new one has been begun. */
	'journal.quarantined': { folder: string };
	/** A row of the store is not as it was written; what it was about is lost. */
	'journal.rowDamaged': { table: string; key: string; detail: string };
	/** The record of sent messages cannot be written; the missing lines follow later. */
	'record.failed': { detail: string };
	/** The node is process 1, which must wait for all orphans; see `first-process.ts`. */
	'init.missing': { what: string; cure: string };
	/** The event loop of the process before stood still, and its watchdog has ended it. */
	'node.stalled': { seconds: number; stack: string };
	/** The node came up in safe mode. */
	'node.safe': { uncleanStarts: number };
	/**
	 * In safe mode the programs of these folders were not loaded; so many starts had died while they
	 * loaded them.
	 */
	'programs.skipped': { folders: string; deaths: number };
	/** Another node has this node's name, or its store. */
	'name.denied': { code: ErrorCode; detail: string };
	/** The claim of the name succeeded. */
	'name.granted': { tookMs: number };
	/**
	 * Inbound lanes were forgotten: silent for so long that no copy of their messages can still come.
	 */
	'lanes.forgotten': { count: number };
	/** A command that an earlier process of this node had left running. */
	'orphan.killed': { id: string; pid: number };
	/** The oldest dead letter was deleted, because there were too many. */
	'dead.dropped': { id: string; method: string };
	'replay.decided': { id: string; method: string; decision: string };
	/** The broker takes nothing on a topic; if it hangs up, nothing is sent on it for a while. */
	'topic.barred': { topic: string };
	/**
	 * The broker of this node has refused what a node may not do there, or what was beyond a limit:
	 * `topic` is the last topic, filter, client id or packet, and `count` how often since it was told
	 * before.
	 */
	'broker.refused': { user: string; action: string; topic: string; count: number };
	'transport.up': { transport: string; address: string };
	'transport.down': { transport: string; address: string; reason: string };
	'node.seen': { name: string; storeId: string; epoch: number };
	'node.gone': { name: string; reason: string };
	'console.printed': { from: string; text: string };
	/** The console of the node does not take what it should print; told once until it does. */
	'console.failed': { code: ErrorCode; detail: string };
	'error.reported': { code: string; text: string };
	'error.suppressed': { count: number };
}

/** The type of a signal. */
export type SignalType = keyof SignalFields;

/** One signal: its type, its fields, and the wall-clock instant at which it was emitted. */
export type Signal = {
	[Type in SignalType]: { readonly type: Type; readonly at: number } & Readonly<SignalFields[Type]>;
}[SignalType];

/** Whether the ring remembers signals of this type. */
function isKept(type: SignalType): boolean {
	return type !== 'journal.committed';
}

/** The stream itself. */
export interface Signals {
	emit<Type extends SignalType>(type: Type, fields: SignalFields[Type]): void;
	/** Calls `see` for each later signal; returns the function that ends it. */
	subscribe(see: (signal: Signal) => void): () => void;
	/** The last signals, oldest first. */
	recent(): readonly Signal[];
	/** How many signals the ring has ever taken: the number of the newest in it, from 1 on. */
	newest(): number;
	/** How many signals of each type there were since the start. */
	counts(): Readonly<Record<string, number>>;
}

/**
 * Creates a stream that remembers the last `keptMax` signals in a ring.
 *
 * A subscriber that throws is dropped, and the error goes to `fail`: an observer must not be able
 * to stop the node.
 */
export function createSignals(
	clock: { now(): number },
	keptMax = 1000,
	fail: (thrown: unknown) => void = () => {},
): Signals {
	const ring: Signal[] = [];
	const subscribers = new Set<(signal: Signal) => void>();
	const totals = new Map<string, number>();
	let oldest = 0;
	let newest = 0;

	const keep = (signal: Signal): void => {
		newest += 1;
		if (ring.length < keptMax) ring.push(signal);
		else {
			ring[oldest] = signal;
			oldest = (oldest + 1) % keptMax;
		}
	};

	return {
		emit(type, fields) {
			const signal = { type, at: clock.now(), ...fields } as Signal;
			totals.set(type, (totals.get(type) ?? 0) + 1);
			if (isKept(type)) keep(signal);
			for (const see of subscribers) {
				try {
					see(signal);
				} catch (thrown) {
					subscribers.delete(see);
					fail(thrown);
				}
			}
		},
		subscribe(see) {
			subscribers.add(see);
			return () => void subscribers.delete(see);
		},
		newest: () => newest,
		recent: () => [...ring.slice(oldest), ...ring.slice(0, oldest)],
		counts: () => Object.fromEntries(totals),
	};
}
