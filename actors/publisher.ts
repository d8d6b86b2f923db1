/**
 * The publisher: the process, in steward's sense, that owns one lane of the outbox. It decides when to
 * send, when to wait and when to stop trying; the window knows what is under way.
 *
 * ```text
 *              ABSENT, LINK_DOWN
 *   (sending) -------------------> (waiting)     the receiver is away, or this node's link is down
 *     |   ^ <----------------------   |   TICK: a try is counted for messages that limit them
 *     |   |   PRESENT, LINK_UP
 *     |   | TICK, ACK with progress
 *     v   |
 *   (backingOff)     an acknowledgement is overdue, or the receiver asked for a pause
 * ```
 *
 * @module
 */
import { assign, setup, type ActorLogicFrom } from 'xstate';
import type { Timer } from '../runtime/clock.ts';
import type { Exchange } from '../runtime/exchange.ts';
import type { LaneAck } from '../runtime/frame.ts';
import type { Journal } from '../runtime/journal.ts';
import type { Presence } from '../runtime/presence.ts';
import { createWindow, type Settlement, type Window, type WindowParts } from './lane-window.ts';

/** What a publisher works with. */
export interface PublisherInput extends WindowParts {
	readonly journal: Journal;
	readonly exchange: Exchange;
	readonly presence: Presence;
}

/** What can happen to a publisher. */
export type PublisherEvent =
	/** The lane has something new to send. */
	| { readonly type: 'MAIL' }
	| { readonly type: 'ACK'; readonly ack: LaneAck }
	/** The receiver's birth or death, or this node's own link. */
	| { readonly type: 'PRESENT' }
	| { readonly type: 'ABSENT' }
	| { readonly type: 'LINK_UP' }
	| { readonly type: 'LINK_DOWN' }
	/** The one timer of the lane. */
	| { readonly type: 'TICK' }
	/** Somebody takes a message back. */
	| { readonly type: 'CANCEL'; readonly seq: number }
	| { readonly type: 'SHUTDOWN' };

interface PublisherContext extends PublisherInput {
	readonly window: Window;
	readonly failures: number;
	/** Set by an acknowledgement that asks for a pause. */
	readonly pauseMs: number;
	/** Behind which number a gap was reported last; -1 for none. */
	readonly lastGap: number;
	readonly timer: { current?: Timer };
	readonly send: (event: PublisherEvent) => void;
}

/** The pause before a receiver without room is asked again, in milliseconds. */
const noCreditMs = 1000;

const isReachable = ({ context }: { context: PublisherContext }): boolean =>
	context.exchange.isUp() && context.presence.get(context.lane.to)?.state === 'online';

/** Why a lane waits, as a sentence for people. */
function whyWaiting({ lane, presence, exchange }: PublisherContext): string {
	if (!exchange.isUp()) return 'this node is not connected to its broker';
	const neighbour = presence.get(lane.to);
	return neighbour ? `${lane.to} is offline` : `${lane.to} has never been seen`;
}

function arm({ clock, timer, send }: PublisherContext, delayMs: number): void {
	timer.current?.cancel();
	timer.current = clock.after(delayMs, () => {
		delete timer.current;
		send({ type: 'TICK' });
	});
}

function disarm({ timer }: PublisherContext): void {
	timer.current?.cancel();
	delete timer.current;
}

/** Writes what was settled; watchers hear of it after the flush. */
function write({ journal, books }: PublisherContext, settlement: Settlement): void {
	if (settlement.changes.length === 0) return;
	journal.commit(settlement.changes).then(
		() => {
			for (const id of settlement.ids) books.settled(id);
		},
		// Fenced or stopping: the rows are still in the journal, and the next process goes on.
		() => undefined,
	);
}

/** Sends what credit allows. What the wire does not take is found by the timer. */
function pump(context: PublisherContext): void {
	const { window, lane, exchange, presence, signals } = context;
	write(context, window.giveUp());
	const to = { node: lane.to, method: lane.method, kind: lane.kind };
	const toStoreId = presence.get(lane.to)?.storeId;
	for (let load = window.take(); load; load = window.take()) {
		const { first, rows } = load;
		const frame = { lane: lane.name, lo: lane.lo, first, rows };
		const attempt = context.failures + 1;
		signals.emit('delivery.sent', { to: to.node, method: to.method, count: rows.length, attempt });
		void exchange.sendFrame(to, toStoreId ? { ...frame, toStoreId } : frame);
	}
	if (window.isEmpty()) disarm(context);
	// New mail must not postpone the moment at which an older message is overdue.
	else if (!context.timer.current) arm(context, window.ackMs());
}

/** Applies an acknowledgement; tells how the lane should go on. */
function heed(context: PublisherContext, ack: LaneAck): Partial<PublisherContext> {
	const { window, lane, signals } = context;
	const { believed, count, ...settlement } = window.acknowledge(ack);
	if (!believed) {
		signals.emit('delivery.doubted', { to: lane.to, method: lane.method, upTo: ack.upTo });
		return {};
	}
	write(context, settlement);
	if (count > 0) signals.emit('delivery.acked', { to: lane.to, method: lane.method, count });
	// Every frame behind a lost one reports the same gap; one resend is the answer to all of them.
	const isKnownGap = ack.nack === 'gap' && ack.upTo === context.lastGap;
	if (ack.nack && !isKnownGap) window.goBack();
	const noRoomMs = ack.credit === 0 && !window.isEmpty() ? noCreditMs : 0;
	return {
		pauseMs: ack.retryMs ?? noRoomMs,
		failures: count > 0 ? 0 : context.failures,
		lastGap: ack.nack === 'gap' ? ack.upTo : -1,
	};
}

/** Exponential, with jitter, so that lanes that failed together do not come back together. */
function backoffMs({ config, clock, failures, pauseMs }: PublisherContext): number {
	const { resendMsMin, resendMsMax } = config;
	const base = Math.min(resendMsMax, resendMsMin * 2 ** Math.min(failures, 20));
	return pauseMs || base * (0.5 + clock.random() / 2);
}

const machine = setup({
	types: {
		context: {} as PublisherContext,
		input: {} as PublisherInput,
		events: {} as PublisherEvent,
	},
	guards: {
		reachable: isReachable,
		asksForPause: ({ context }) => context.pauseMs > 0,
		overdue: ({ context }) => !context.window.isEmpty() && context.window.sent >= context.lane.lo,
	},
	actions: {
		pump: ({ context }) => pump(context),
		heed: assign(({ context, event }) => (event.type === 'ACK' ? heed(context, event.ack) : {})),
		goBack: ({ context }) => context.window.goBack(),
		fail: assign(({ context }) => ({ failures: context.failures + 1, pauseMs: 0, lastGap: -1 })),
		calm: assign({ failures: 0, pauseMs: 0, lastGap: -1 }),
		giveUp: ({ context, event }) =>
			write(context, context.window.giveUp(event.type === 'CANCEL' ? event.seq : undefined)),
		countAway: ({ context }) => write(context, context.window.countAway()),
		armAway: ({ context }) => arm(context, context.window.ackMs()),
		armBackoff: ({ context }) => arm(context, backoffMs(context)),
		disarm: ({ context }) => disarm(context),
		stop: ({ context }) => {
			disarm(context);
			context.window.stop();
		},
		show: ({ context }, { state }: { state: 'waiting' | 'sending' | 'backing off' }) => {
			const { lane, signals } = context;
			lane.state = state;
			lane.why = state === 'waiting' ? whyWaiting(context) : '';
			if (state === 'backing off') lane.why = 'no acknowledgement yet; it is sent again';
			if (lane.why === '') return;
			signals.emit('delivery.waiting', { to: lane.to, method: lane.method, why: lane.why });
		},
	},
}).createMachine({
	id: 'publisher',
	context: ({ input, self }) => ({
		...input,
		window: createWindow(input),
		failures: 0,
		pauseMs: 0,
		lastGap: -1,
		timer: {},
		send: (event) => self.send(event),
	}),
	initial: 'waiting',
	on: {
		SHUTDOWN: '.stopped',
		ABSENT: { target: '.waiting', actions: 'goBack' },
		LINK_DOWN: { target: '.waiting', actions: 'goBack' },
		CANCEL: { actions: 'giveUp' },
	},
	states: {
		waiting: {
			entry: [{ type: 'show', params: { state: 'waiting' } }, 'armAway'],
			exit: 'disarm',
			always: { guard: 'reachable', target: 'sending', actions: 'calm' },
			on: {
				PRESENT: {},
				LINK_UP: {},
				MAIL: { actions: 'armAway' },
				// A late acknowledgement is as good as any.
				ACK: { actions: 'heed' },
				TICK: { actions: ['countAway', 'giveUp', 'armAway'] },
			},
		},
		sending: {
			entry: [{ type: 'show', params: { state: 'sending' } }, 'pump'],
			exit: 'disarm',
			on: {
				MAIL: { actions: 'pump' },
				ACK: { target: 'heeding', actions: 'heed' },
				// A new life of the receiver, or of the link: what is under way may be lost.
				PRESENT: { actions: ['goBack', 'calm', 'pump'] },
				LINK_UP: { actions: ['goBack', 'calm', 'pump'] },
				TICK: [
					{ guard: 'overdue', target: 'backingOff', actions: ['goBack', 'fail'] },
					{ actions: 'pump' },
				],
			},
		},
		heeding: {
			always: [{ guard: 'asksForPause', target: 'backingOff' }, { target: 'sending' }],
		},
		backingOff: {
			entry: [{ type: 'show', params: { state: 'backing off' } }, 'armBackoff'],
			exit: 'disarm',
			on: {
				TICK: { target: 'sending', actions: 'goBack' },
				PRESENT: { target: 'sending', actions: 'calm' },
				LINK_UP: { target: 'sending', actions: 'calm' },
				ACK: { target: 'heeding', actions: 'heed' },
			},
		},
		stopped: { type: 'final', entry: 'stop' },
	},
});

/** The publisher of one lane, as actor logic. */
export const publisherLogic: ActorLogicFrom<typeof machine> = machine;
