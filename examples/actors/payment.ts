/**
 * The payments of the order saga, each under the name of its order; see `order.ts`. The bank is a
 * folder in which each booking is a file: booking again under the same name changes nothing, so a
 * retry does no harm.
 *
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assign, setup } from 'xstate';
import { answer, defer, defineActor, reply, step } from '../../supervisors/node/node.ts';

interface Payment {
	readonly bank: string;
	readonly cents: number;
}

type PaymentEvent =
	| {
			readonly type: 'PAY';
			readonly bank: string;
			readonly cents: number;
			/** `good` pays, `poor` is declined; for any other the owner must approve first. */
			readonly card: string;
	  }
	| { readonly type: 'APPROVE' }
	| { readonly type: 'CANCEL' };

/**
 * If the node dies during this step, it runs again with the same key, and writes the same file.
 */
const book = step<void, Payment>({
	onCrash: 'retry',
	timeoutMs: 30_000,
	async run({ bank, cents }, { idempotencyKey }) {
		await mkdir(bank, { recursive: true });
		await writeFile(join(bank, idempotencyKey.replace(':', '-')), String(cents));
	},
});

const machine = setup({
	types: { context: {} as Payment, events: {} as PaymentEvent },
	actors: { book },
	guards: {
		isGood: ({ event }) => event.type === 'PAY' && event.card === 'good',
		isPoor: ({ event }) => event.type === 'PAY' && event.card === 'poor',
	},
	actions: {
		confirm: reply('cancelled'),
		note: assign(({ event }) =>
			event.type === 'PAY' ? { bank: event.bank, cents: event.cents } : {},
		),
	},
}).createMachine({
	id: 'payment',
	context: { bank: '', cents: 0 },
	initial: 'open',
	states: {
		open: {
			on: {
				PAY: [
					{ guard: 'isGood', target: 'paying', actions: 'note' },
					{ guard: 'isPoor', target: 'declined' },
					{ target: 'asking', actions: 'note' },
				],
				CANCEL: { target: 'cancelled', actions: 'confirm' },
			},
		},
		// May take long. The order has a deadline of its own, and cancels then.
		asking: {
			on: {
				APPROVE: 'paying',
				// Two messages wait for an answer: PAY and CANCEL.
				CANCEL: { target: 'cancelled', actions: [answer('cancelled'), 'confirm'] },
			},
		},
		// A booking is finished first: a cancellation is deferred to the next state.
		paying: {
			meta: defer('CANCEL'),
			invoke: { src: 'book', input: ({ context }) => context, onDone: 'paid', onError: 'declined' },
		},
		paid: { entry: reply('paid'), on: { CANCEL: 'refunding' } },
		refunding: {
			meta: defer('CANCEL'),
			invoke: {
				src: 'book',
				input: ({ context }) => ({ ...context, cents: -context.cents }),
				onDone: { target: 'cancelled', actions: 'confirm' },
				onError: 'stuck',
			},
		},
		// A refund is tried until the bank takes it.
		stuck: { meta: defer('CANCEL'), after: { 1000: 'refunding' } },
		declined: {
			// Answers the message that is being handled, or else the one that waits.
			entry: reply('declined'),
			on: { CANCEL: { target: 'cancelled', actions: 'confirm' } },
		},
		cancelled: { on: { PAY: { actions: 'confirm' }, CANCEL: { actions: 'confirm' } } },
	},
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'payment',
	summary: 'Takes the money for an order, or gives it back',
	version: 1,
	machine,
	// These are answered in a later turn, when the result is known.
	answersLater: ['PAY', 'CANCEL'],
});
