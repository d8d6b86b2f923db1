/**
 * An order, as a saga: goods are held at one actor, money is taken by another, both of them on
 * another node, and no transaction spans the three. So whatever has been done is undone, if what
 * comes after it fails: every order ends as `completed` or as `compensated`, and never in between.
 *
 * ```text
 *  new --> holding --> paying --> shipping --> completed
 *             |         |   |        |
 *             |         |   |        v
 *             |         |   +--> cancelling     gives the money back
 *             v         v            |
 *           releasing <--------------+          gives the goods back
 *             |
 *             v
 *          compensated
 * ```
 *
 * ```sh
 * node --import tsx examples/actors/order.ts      # tells the story of some, on two real nodes
 * ```
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assign, setup } from 'xstate';
import { ask, defineActor, toActor, type Answered } from '../../supervisors/node/node.ts';
import { playIfMain, type StoryNodes, type Story } from '../story.ts';
import payment from './payment.ts';
import stock from './stock.ts';

interface Order {
	readonly id: string;
	readonly article: string;
	readonly count: number;
	readonly cents: number;
	readonly card: string;
	readonly address: string;
	/** The node where stock and payments are, and the folder of the bank there. */
	readonly depot: string;
	readonly bank: string;
	/** How long the bank may take. */
	readonly deadlineMs: number;
	/** Why it was not completed. */
	readonly why: string;
}

type OrderEvent =
	| ({ readonly type: 'PLACE' } & Omit<Order, 'id' | 'why'>)
	| ({ readonly type: 'reply.hold' | 'reply.pay' | 'reply.ship' } & Answered)
	| ({ readonly type: 'reply.cancel' | 'reply.release' } & Answered)
	| { readonly type: 'timeout.pay' };

const machine = setup({
	types: { context: {} as Order, events: {} as OrderEvent, input: {} as { id: string } },
	delays: { AGAIN: 1000 },
	guards: {
		isHeld: ({ event }) => event.type === 'reply.hold' && event.data === 'held',
		isPaid: ({ event }) => event.type === 'reply.pay' && event.data === 'paid',
		isShipped: ({ event }) => event.type === 'reply.ship' && event.data === 'shipped',
		// After an outcome such as `expired` nothing is known, so it is asked again.
		isDone: ({ event }) => 'outcome' in event && event.outcome === 'done',
	},
	actions: {
		// No deadline: while the stock does not answer, only this order waits.
		hold: ask(({ context: { id: order, article: key, count, depot: to } }) => ({
			id: 'hold',
			...toActor(stock, { type: 'HOLD', order, count }, { to, key }),
		})),
		// A payment has a deadline: it is cancelled if it is not made in time.
		pay: ask(({ context: { id: key, depot: to, bank, cents, card, deadlineMs } }) => ({
			id: 'pay',
			timeoutMs: deadlineMs,
			...toActor(payment, { type: 'PAY', bank, cents, card }, { to, key }),
		})),
		ship: ask(({ context: { id: order, article: key, depot: to, address } }) => ({
			id: 'ship',
			...toActor(stock, { type: 'SHIP', order, address }, { to, key }),
		})),
		// It takes the same lane as PAY, so it cannot overtake it.
		cancel: ask(({ context: { id: key, depot: to } }) => ({
			id: 'cancel',
			...toActor(payment, { type: 'CANCEL' }, { to, key }),
		})),
		release: ask(({ context: { id: order, article: key, depot: to } }) => ({
			id: 'release',
			...toActor(stock, { type: 'RELEASE', order }, { to, key }),
		})),
		sayWhy: assign((_, { why }: { why: string }) => ({ why })),
	},
}).createMachine({
	id: 'order',
	context: ({ input: { id } }) => ({
		id,
		article: '',
		count: 0,
		cents: 0,
		card: '',
		address: '',
		depot: '',
		bank: '',
		deadlineMs: 0,
		why: '',
	}),
	initial: 'new',
	states: {
		new: {
			on: {
				PLACE: {
					target: 'holding',
					actions: assign(({ event: { type: _, ...order } }) => order),
				},
			},
		},
		holding: {
			entry: 'hold',
			on: {
				'reply.hold': [
					{ guard: 'isHeld', target: 'paying' },
					// The goods may be held although the answer is missing: releasing is right either way.
					{ target: 'releasing', actions: { type: 'sayWhy', params: { why: 'none left' } } },
				],
			},
		},
		paying: {
			entry: 'pay',
			on: {
				'reply.pay': [
					{ guard: 'isPaid', target: 'shipping' },
					{ target: 'releasing', actions: { type: 'sayWhy', params: { why: 'declined' } } },
				],
				'timeout.pay': {
					target: 'cancelling',
					actions: { type: 'sayWhy', params: { why: 'not paid in time' } },
				},
			},
		},
		shipping: {
			entry: 'ship',
			on: {
				'reply.ship': [
					{ guard: 'isShipped', target: 'completed' },
					{ target: 'cancelling', actions: { type: 'sayWhy', params: { why: 'not shipped' } } },
				],
			},
		},
		// A compensation must not fail for good, so it is repeated until it is done.
		cancelling: {
			entry: 'cancel',
			on: { 'reply.cancel': { guard: 'isDone', target: 'releasing' } },
			after: { AGAIN: { target: 'cancelling', reenter: true } },
		},
		releasing: {
			entry: 'release',
			on: { 'reply.release': { guard: 'isDone', target: 'compensated' } },
			after: { AGAIN: { target: 'releasing', reenter: true } },
		},
		completed: { type: 'final' },
		compensated: { type: 'final' },
	},
	output: ({ context: { why } }) => (why === '' ? 'completed' : `compensated: ${why}`),
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'order',
	summary: 'Sells, or undoes what was done for it',
	version: 1,
	machine,
	input: ({ key: id }) => ({ id }),
	// The sender of an order is answered when the order has ended.
	answersLater: ['PLACE'],
});

const orders = [
	{ id: 'o-1', article: 'lamp', count: 2, cents: 500, card: 'good', address: 'Kiel' },
	{ id: 'o-2', article: 'lamp', count: 1, cents: 250, card: 'poor', address: 'Kiel' },
	{ id: 'o-3', article: 'lamp', count: 99, cents: 9900, card: 'good', address: 'Oslo' },
	{ id: 'o-4', article: 'rope', count: 5, cents: 1200, card: 'good', address: 'Oslo' },
	{ id: 'o-5', article: 'rope', count: 1, cents: 240, card: 'of my brother', address: 'Oslo' },
	{ id: 'o-6', article: 'rope', count: 3, cents: 720, card: 'good', address: 'nowhere' },
	{ id: 'o-7', article: 'lamp', count: 3, cents: 750, card: 'good', address: 'Riga' },
] as const;

/** A shop sells; the depot on another node has the goods, and knows the bank. */
export const story: Story = {
	nodes: ['shop', 'depot'],
	async play(nodes) {
		const { folder, say, tell } = nodes;
		const bank = join(folder, 'bank');
		await tell(articleAt('lamp'), { type: 'ARRIVE', count: 50 });
		await tell(articleAt('rope'), { type: 'ARRIVE', count: 20 });
		say('50 lamps and 20 ropes have arrived at the depot');
		const ends = orders.map(async ({ id, ...what }) => {
			// A card that needs approval times out soon; others have more time than any node is down.
			const deadlineMs = what.card === 'of my brother' ? 300 : 60_000;
			const event = { type: 'PLACE', ...what, depot: 'depot', bank, deadlineMs } as const;
			const { state, output = '' } = await nodes.send({
				toNode: 'shop',
				method: 'order',
				key: id,
				data: JSON.stringify(event),
			});
			say(`${id}, ${what.count} of ${what.article}: ${state} ${output}`);
			return [id, output] as const;
		});
		const ended = Object.fromEntries(await Promise.all(ends));
		const money = readdirSync(bank)
			.map((entry) => Number(readFileSync(join(bank, entry), 'utf8')))
			.toSorted((one, other) => one - other);
		say(`The bank has booked ${money.join(', ')}`);
		return { ended, money, lamps: await left(nodes, 'lamp'), ropes: await left(nodes, 'rope') };
	},
};

const articleAt = (key: string) => ({ node: 'depot', actor: 'stock', key });

const left = (nodes: StoryNodes, article: string) =>
	nodes.tell<{ free: number; held: object; sold: number }>(articleAt(article), { type: 'TELL' });

await playIfMain(import.meta.url, story);
