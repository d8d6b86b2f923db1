/**
 * The payments of the order saga, one under the name of each order; see `order.ts`. The bank is a
 * folder, in which each entry is a file: to book once more under the same name changes nothing, and
 * that is all that a retry needs.
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
			/** `good` pays, `poor` is declined, and of any other the owner is asked first. */
			readonly card: string;
	  }
	| { readonly type: 'APPROVE' }
	| { readonly type: 'CANCEL' };

/**
 * If the node dies in here, the step runs again with the same key, and finds the file of the first
 * time.
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
		// Nobody knows for how long. Whoever asked has a deadline of his own, and cancels then.
		asking: {
			on: {
				APPROVE: 'paying',
				// Two wait for an answer: whoever wanted to pay, and whoever does not any more.
				CANCEL: { target: 'cancelled', actions: [answer('cancelled'), 'confirm'] },
			},
		},
		// What is begun is finished: a cancellation that comes in here waits for the next state.
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
		// A bank that takes no refund now may take it later: money is not given up.
		stuck: { meta: defer('CANCEL'), after: { 1000: 'refunding' } },
		declined: {
			// To the message in hand, or to the one that waits: `reply` knows which it is.
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
	// Whoever asks is answered when it is known what came of it, some turns later.
	answersLater: ['PAY', 'CANCEL'],
});
