/**
 * The publisher: the process, in steward's sense, that owns one lane of the outbox. It decides when
 * to send, when to wait and when to stop trying; the window knows what is under way.
 *
 * ```text
 *              ABSENT, LINK_DOWN
 *   (sending) -------------------> (waiting)     the receiver is away, or this node's link is down
 *     |   ^ <----------------------   |   TICK: counts an attempt where attempts are limited
 *     |   |   PRESENT, LINK_UP
 *     |   | TICK, ACK with progress
 *     v   |
 *   (backingOff)     an acknowledgement is overdue, or the receiver asked for a pause
 * ```
 *
 * @module
 */
import { assign, enqueueActions, setup, type ActorLogicFrom } from 'xstate';
import {
	arm,
	backoffMs,
	barredCode,
	changesBackoff,
	createProbe,
	disarm,
	applyAck,
	isReachable,
	noteDrop,
	pump,
	whyBackingOff,
	whyWaiting,
	write,
	type PublisherContext,
	type PublisherEvent,
	type PublisherInput,
} from './lane-sending.ts';
import { createWindow } from './send-window.ts';

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
		applyAck: assign(({ context, event }) =>
			event.type === 'ACK' ? applyAck(context, event.ack, event.storeId) : {},
		),
		goBack: ({ context }) => context.window.goBack(),
		noteDrop: ({ context }) => noteDrop(context),
		// The hot path, because a fleet may have a lane for each message: the state is not re-entered,
		// and the context is new only if something has changed.
		applyAckAndContinue: enqueueActions(({ context, event, enqueue }) => {
			if (event.type !== 'ACK') return;
			const news = applyAck(context, event.ack, event.storeId);
			const isOther = changesBackoff(context, news);
			if (isOther) enqueue.assign(news);
			const next = isOther ? { ...context, ...news } : context;
			if (next.pauseMs > 0) return enqueue.raise({ type: 'PAUSE' });
			disarm(next);
			pump(next);
		}),
		fail: assign(({ context }) => ({
			failures: context.failures + 1,
			pauseMs: 0,
			lastGap: -1,
			asked: '',
		})),
		calm: assign({ failures: 0, pauseMs: 0, lastGap: -1, asked: '' }),
		giveUp: ({ context }) => write(context, context.window.giveUp()),
		takeBack: ({ context, event }) => {
			if (event.type === 'CANCEL') write(context, context.window.cancel(event.seq));
		},
		refuse: ({ context, event }) => {
			if (event.type === 'UNSENDABLE') write(context, context.window.refuse(event.seq, event.why));
		},
		bar: ({ context }) => write(context, context.window.bar()),
		noteBarred: assign({ asked: barredCode }),
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
			if (state === 'backing off') lane.why = whyBackingOff(context);
			if (lane.why === '') return;
			for (const { id, isReply } of lane.rows) {
				if (!isReply) context.ledger.note(id, 'waiting', { detail: lane.why });
			}
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
		line: {},
		probe: createProbe(),
		asked: '',
		send: (event) => self.send(event),
	}),
	initial: 'beginning',
	on: {
		SHUTDOWN: '.stopped',
		ABSENT: { target: '.waiting', actions: 'goBack' },
		LINK_DOWN: { target: '.waiting', actions: 'goBack' },
		CANCEL: { actions: 'takeBack' },
		UNSENDABLE: { actions: 'refuse' },
		BARRED: { actions: 'bar' },
	},
	states: {
		// The receiver may be reachable already, so the lane does not say yet that it waits.
		beginning: {
			always: [{ guard: 'reachable', target: 'sending', actions: 'calm' }, { target: 'waiting' }],
		},
		waiting: {
			entry: [{ type: 'show', params: { state: 'waiting' } }, 'armAway'],
			exit: 'disarm',
			always: { guard: 'reachable', target: 'sending', actions: 'calm' },
			on: {
				PRESENT: {},
				// It still waits, but the reason has changed.
				LINK_UP: [
					{ guard: 'reachable', target: 'sending', actions: 'calm' },
					{ actions: { type: 'show', params: { state: 'waiting' } } },
				],
				MAIL: { actions: 'armAway' },
				// A late acknowledgement counts as well.
				ACK: { actions: 'applyAck' },
				TICK: { actions: ['countAway', 'giveUp', 'armAway'] },
			},
		},
		sending: {
			entry: [{ type: 'show', params: { state: 'sending' } }, 'pump'],
			exit: 'disarm',
			on: {
				MAIL: { actions: 'pump' },
				// The skip that takes its place in the lane has to be sent.
				CANCEL: { actions: ['takeBack', 'pump'] },
				UNSENDABLE: { actions: ['refuse', 'pump'] },
				BARRED: { target: 'backingOff', actions: ['goBack', 'bar', 'fail', 'noteBarred'] },
				ACK: { actions: 'applyAckAndContinue' },
				PAUSE: { target: 'backingOff' },
				// The receiver or the link has restarted: what is under way may be lost.
				PRESENT: { actions: ['goBack', 'calm', 'pump'] },
				LINK_UP: { actions: ['goBack', 'calm', 'pump'] },
				TICK: [
					{ guard: 'overdue', target: 'backingOff', actions: ['noteDrop', 'goBack', 'fail'] },
					{ actions: 'pump' },
				],
			},
		},
		applyingAck: {
			always: [{ guard: 'asksForPause', target: 'backingOff' }, { target: 'sending' }],
		},
		backingOff: {
			entry: [{ type: 'show', params: { state: 'backing off' } }, 'armBackoff'],
			exit: 'disarm',
			on: {
				TICK: { target: 'sending', actions: 'goBack' },
				PRESENT: { target: 'sending', actions: 'calm' },
				LINK_UP: { target: 'sending', actions: 'calm' },
				ACK: { target: 'applyingAck', actions: 'applyAck' },
			},
		},
		stopped: { type: 'final', entry: 'stop' },
	},
});

/** The publisher of one lane, as actor logic. */
export const publisherLogic: ActorLogicFrom<typeof machine> = machine;
