/**
 * Lane sending: what a publisher does to send, to apply an acknowledgement and to wait. The chart
 * in `publisher.ts` says when it does so.
 *
 * @module
 */
import { laneStops } from '../../runtime/delivery/acceptance.ts';
import type { Timer } from '../../runtime/platform/clock.ts';
import { errorTable, isErrorCode } from '../../runtime/platform/errors.ts';
import type { Network } from '../../runtime/network/network.ts';
import type { Unsendable } from '../../runtime/network/frame-batching.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import type { FrameContent } from '../../runtime/protocol/frame.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Presence } from '../../runtime/network/presence.ts';
import type { Lane } from '../../runtime/delivery/outbox.ts';
import type { Settlement, WindowParts } from './expiry.ts';
import type { Load, Window } from './send-window.ts';
import type { LaneAck } from '../../runtime/protocol/acknowledgement.ts';
import type { Change } from '../../runtime/journal/schema.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** What a publisher works with. */
export interface PublisherInput extends WindowParts {
	readonly journal: Journal;
	readonly network: Network;
	readonly presence: Presence;
	readonly passPoint: PassPoint;
	/** Called when this store is found to be an older copy of itself: it needs a new identity. */
	readonly onStaleStore: (why: string) => void;
}

/** What can happen to a publisher. */
export type PublisherEvent =
	/** The lane has something new to send. */
	| { readonly type: 'MAIL' }
	| { readonly type: 'ACK'; readonly ack: LaneAck; readonly storeId: string }
	/** The receiver's birth or death, or this node's own link. */
	| { readonly type: 'PRESENT' }
	| { readonly type: 'ABSENT' }
	| { readonly type: 'LINK_UP' }
	| { readonly type: 'LINK_DOWN' }
	/** The one timer of the lane. */
	| { readonly type: 'TICK' }
	/** An acknowledgement asks for a pause. */
	| { readonly type: 'PAUSE' }
	/** A message is taken back. */
	| { readonly type: 'CANCEL'; readonly seq: number }
	/** A message is larger than the broker takes, or the broker does not bring it. */
	| {
			readonly type: 'UNSENDABLE';
			readonly seq: number;
			readonly why: 'tooLarge' | 'brokerRefused';
	  }
	/** The broker takes nothing on the topic of the lane. */
	| { readonly type: 'BARRED' }
	| { readonly type: 'SHUTDOWN' };

/** The part of a lane's state that acknowledgements change: failures and pauses. */
export interface BackoffState {
	readonly failures: number;
	/** The pause that the last acknowledgement asks for; 0 for none. */
	readonly pauseMs: number;
	/** The number after which a gap was reported last; -1 for none. */
	readonly lastGap: number;
	/** The code with which the receiver asks to wait; empty for none. */
	readonly asked: string;
}

/** What a publisher knows. */
export interface PublisherContext extends PublisherInput, BackoffState {
	readonly window: Window;
	readonly timer: { current?: Timer };
	/** `tail` settles when all frames so far have been handed to the wire: they leave in order. */
	readonly line: {
		tail?: Promise<void> | undefined;
		/** When the oldest frame without an answer was sent, in monotonic milliseconds. */
		sentAt?: number | undefined;
	};
	readonly send: (event: PublisherEvent) => void;
	readonly probe: Probe;
}

/**
 * The search for a message that the broker takes and does not bring, as Mosquitto does with one
 * above its `message_size_limit`. A lane without an acknowledgement for long sends its first
 * message alone, and behind it an empty frame: if only that is answered, the message was dropped.
 */
interface Probe {
	/** The number of the message in front of the empty frame; 0: none is under way. */
	seq: number;
	isAnswered: boolean;
	/** How often the message of this number was dropped. */
	dropped: { readonly seq: number; readonly count: number };
	/** The highest number that was sent in vain. */
	sent: number;
	/** Messages up to here go alone, because one of them was dropped; 0: none. */
	aloneUpTo: number;
}

/** Creates the state of a lane that is not in doubt. */
export function createProbe(): Probe {
	return { seq: 0, isAnswered: false, dropped: { seq: 0, count: 0 }, sent: 0, aloneUpTo: 0 };
}

/** The pause before a receiver that gives no credit is asked again. */
const noCreditMs = 1000;

/** The code of a lane whose topic is barred. */
export const barredCode = 'broker_refused';

/** Whether the receiver is online and this node is connected. */
export const isReachable = ({ context }: { context: PublisherContext }): boolean =>
	context.network.isUp() && context.presence.get(context.lane.to)?.state === 'online';

/** Why a lane waits, as a sentence for people. */
export function whyWaiting({ lane, presence, network }: PublisherContext): string {
	if (!network.isUp()) return 'this node is not connected to its broker';
	const neighbour = presence.get(lane.to);
	return neighbour ? `${lane.to} is offline` : `${lane.to} has never been seen`;
}

/** Why a lane has stopped sending for a while, as a sentence for people. */
export function whyBackingOff({ lane, asked }: PublisherContext): string {
	if (asked === barredCode) return errorTable[barredCode].meaning;
	if (asked === '') return 'no acknowledgement yet; it is sent again';
	return `${lane.to} asks to wait: ${isErrorCode(asked) ? errorTable[asked].meaning : asked}`;
}

/** Sets the one timer of the lane. */
export function arm({ clock, timer, send }: PublisherContext, delayMs: number): void {
	timer.current?.cancel();
	timer.current = clock.after(delayMs, () => {
		delete timer.current;
		send({ type: 'TICK' });
	});
}

/** Cancels the timer. */
export function disarm({ timer }: PublisherContext): void {
	timer.current?.cancel();
	delete timer.current;
}

/** Commits a settlement; signals and outboxes hear of it after the flush. */
export function write(context: PublisherContext, settlement: Settlement): void {
	const { journal, ledger, outbox, lane } = context;
	if (settlement.changes.length === 0) return;
	const written = journal.commit(settlement.changes).then(
		() => {
			for (const id of settlement.ids) ledger.settled(id);
			for (const { lane: own, seq } of settlement.instead ?? []) outbox.flushed(own, seq);
		},
		// Fenced or stopping: the rows are still in the journal, and the next process goes on. Frames
		// that wait for this do not leave either, because their own commit is refused as well.
		() => undefined,
	);
	if (settlement.goesFirst) holdBack(lane, written);
}

/** Lets no frame of the lane leave before `written` has settled, nor before what it waits for. */
function holdBack(lane: Lane, written: Promise<void>): void {
	const heldBy = Promise.all([lane.heldBy, written]).then(() => {
		if (lane.heldBy === heldBy) lane.heldBy = undefined;
	});
	lane.heldBy = heldBy;
}

/** Sends what credit allows. The timer finds frames that the wire has lost. */
export function pump(context: PublisherContext): void {
	const { window, lane, presence, signals } = context;
	write(context, window.giveUp());
	const toStoreId = presence.get(lane.to)?.storeId;
	const changes: Change[] = toStoreId ? [...window.bind(toStoreId)] : [];
	const frames: FrameContent[] = [];
	const { probe, config, failures } = context;
	const isInDoubt = failures >= config.dropsMax || lane.lo <= probe.aloneUpTo;
	const add = (first: number, rows: FrameContent['rows']): void => {
		const frame = { lane: lane.name, lo: lane.lo, first, rows };
		frames.push(toStoreId ? { ...frame, toStoreId } : frame);
	};
	const take = isInDoubt ? () => takeAlone(context) : () => window.take();
	for (let load = take(); load; load = take()) {
		const { first, rows } = load;
		changes.push(...load.changes);
		add(first, rows);
		const attempt = failures + 1;
		const { to, method } = lane;
		signals.emit('delivery.sent', { to, method, count: rows.length, attempt });
		context.line.sentAt ??= context.clock.monotonic();
	}
	if (isInDoubt && frames.length > 0) add(lane.lo, []);
	if (frames.length > 0) release(context, frames, changes);
	if (window.isEmpty()) disarm(context);
	// A running timer stays: new mail must not delay the moment when older messages are overdue.
	else if (!context.timer.current) arm(context, window.ackMs());
}

/** The next row alone; nothing while one is under way. */
function takeAlone({ window, lane, probe }: PublisherContext): Load | undefined {
	if (window.sent >= lane.lo) return undefined;
	Object.assign(probe, { seq: lane.lo, isAnswered: false });
	return window.take(1);
}

/** An acknowledgement that resolves nothing may answer the empty frame. */
function noteAnswer({ lane, probe }: PublisherContext, ack: LaneAck): void {
	if (probe.seq === lane.lo && ack.nack === undefined && ack.credit > 0) probe.isAnswered = true;
}

/** The acknowledgement is overdue: decides whether the broker has dropped the message. */
export function noteDrop({ lane, probe, window, config, send }: PublisherContext): void {
	const { seq, count } = probe.dropped;
	const isDropped = probe.isAnswered && probe.seq === lane.lo;
	probe.isAnswered = false;
	probe.sent = Math.max(probe.sent, window.sent);
	if (!isDropped) return;
	probe.aloneUpTo = probe.sent;
	probe.dropped = { seq: lane.lo, count: seq === lane.lo ? count + 1 : 1 };
	if (probe.dropped.count < config.dropsMax || window.isOwed(lane.lo)) return;
	send({ type: 'UNSENDABLE', seq: lane.lo, why: 'brokerRefused' });
}

/** Hands frames to the wire, after the changes that must be committed first, if any. */
function release(
	{ journal, network, lane, line, send, window, failures, config }: PublisherContext,
	frames: readonly FrameContent[],
	changes: readonly Change[],
): void {
	const to = { node: lane.to, method: lane.method, kind: lane.kind };
	const unsendable: Unsendable = (seq, why) => {
		if (why === 'barred') send({ type: 'BARRED' });
		else if (why === 'hung_up' && window.isOwed(seq)) return false;
		else send({ type: 'UNSENDABLE', seq, why: why === 'hung_up' ? 'brokerRefused' : 'tooLarge' });
		return true;
	};
	const isAlone = failures >= config.dropsMax;
	const hand = (): void => {
		for (const frame of frames) network.sendFrame(to, frame, { unsendable, isAlone });
	};
	if (changes.length === 0 && !line.tail && !lane.heldBy) {
		hand();
		return;
	}
	const written = journal.commit(changes, 'committed');
	const tail = Promise.all([line.tail, lane.heldBy, written]).then(hand, ignoreIfFenced);
	line.tail = tail;
	void tail.then(() => {
		if (line.tail === tail) line.tail = undefined;
	});
}

/** Applies an acknowledgement; returns what it changes in the backoff state. */
export function applyAck(
	context: PublisherContext,
	ack: LaneAck,
	storeId: string,
): Partial<BackoffState> {
	const { lane } = context;
	context.passPoint('ack.received');
	// It is from an earlier store of the receiver: the lane has been bound to another since.
	if (lane.boundTo !== undefined && storeId !== lane.boundTo) return {};
	if (ack.nack && laneStops.has(ack.nack)) return stopLane(context, ack);
	const { verdict, count, ...settlement } = context.window.acknowledge(ack);
	if (verdict === 'doubted') return doubt(context, ack);
	write(context, settlement);
	if (count === 0) noteAnswer(context, ack);
	return goOn(context, ack, count);
}

/** Whether `news` differs from the known state, which it usually does not. */
export function changesBackoff(known: BackoffState, news: Partial<BackoffState>): boolean {
	const {
		failures = known.failures,
		pauseMs = known.pauseMs,
		lastGap = known.lastGap,
		asked = known.asked,
	} = news;
	return (
		failures !== known.failures ||
		pauseMs !== known.pauseMs ||
		lastGap !== known.lastGap ||
		asked !== known.asked
	);
}

/** The backoff state after an acknowledgement that resolved `count` messages. */
function goOn(context: PublisherContext, ack: LaneAck, count: number): Partial<BackoffState> {
	const { window } = context;
	const { to, method } = context.lane;
	if (count > 0) {
		const { clock, line, signals } = context;
		const now = clock.monotonic();
		signals.emit('delivery.acked', { to, method, count, tookMs: now - (line.sentAt ?? now) });
		line.sentAt = undefined;
	}
	// Every frame behind a lost one reports the same gap; one resend answers all reports.
	const isGap = ack.nack === 'gap';
	if (ack.nack && !(isGap && ack.upTo === context.lastGap)) window.goBack();
	const failures = count > 0 ? 0 : context.failures;
	const pauseMs = pauseOf(ack, window);
	if (isGap) return { pauseMs, failures, lastGap: ack.upTo, asked: '' };
	return { pauseMs, failures, lastGap: -1, asked: ack.nack ?? '' };
}

/** How long the receiver asks to wait. */
function pauseOf({ retryMs, credit }: LaneAck, window: Window): number {
	return retryMs ?? (credit === 0 && !window.isEmpty() ? noCreditMs : 0);
}

/**
 * The receiver knows messages of this lane that this store lacks: it is an older copy of itself.
 */
function doubt(
	{ lane, signals, journal, onStaleStore }: PublisherContext,
	{ upTo, epoch }: LaneAck,
): Partial<BackoffState> {
	signals.emit('delivery.doubted', { to: lane.to, method: lane.method, upTo });
	if (epoch === journal.epoch) onStaleStore(`${lane.to} knows later messages of this store`);
	return {};
}

/** The receiver refuses the whole lane, which resolves no message; see `laneStops`. */
function stopLane(
	context: PublisherContext,
	{ nack = '', retryMs = noCreditMs, epoch }: LaneAck,
): Partial<BackoffState> {
	const { lane, signals, journal, onStaleStore } = context;
	// It is about a frame of an earlier epoch; this one has repaired what was wrong with it.
	if (epoch !== journal.epoch) return {};
	signals.emit('delivery.stopped', { to: lane.to, method: lane.method, code: nack });
	if (nack !== 'wrong_store') onStaleStore(`${lane.to} answers ${nack}`);
	return { pauseMs: retryMs, asked: nack };
}

/** The backoff: exponential, with jitter, so that lanes which failed together resend apart. */
export function backoffMs({ config, clock, failures, pauseMs }: PublisherContext): number {
	const { resendMsMin, resendMsMax } = config;
	const base = Math.min(resendMsMax, resendMsMin * 2 ** Math.min(failures, 20));
	// A receiver cannot ask for an endless pause.
	return Math.min(pauseMs, resendMsMax) || base * (0.5 + clock.random() / 2);
}
