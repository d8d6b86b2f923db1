/**
 * The stock of the order saga: how many pieces of an article there are, each article under its own
 * key. A repeated request changes nothing, because every order has a name; see `order.ts`.
 *
 * @module
 */
import { assign, setup } from 'xstate';
import { defineActor, reply } from '../../supervisors/node/node.ts';

interface Stock {
	readonly free: number;
	/** How many pieces each order holds. */
	readonly held: Readonly<Record<string, number>>;
	readonly sold: number;
}

type StockEvent =
	| { readonly type: 'ARRIVE'; readonly count: number }
	| { readonly type: 'HOLD'; readonly order: string; readonly count: number }
	| { readonly type: 'SHIP'; readonly order: string; readonly address: string }
	| { readonly type: 'RELEASE'; readonly order: string }
	| { readonly type: 'TELL' };

const machine = setup({
	types: { context: {} as Stock, events: {} as StockEvent },
}).createMachine({
	id: 'stock',
	context: { free: 0, held: {}, sold: 0 },
	on: {
		ARRIVE: { actions: assign({ free: ({ context, event }) => context.free + event.count }) },
		HOLD: [
			{
				guard: ({ context, event }) => event.order in context.held,
				actions: reply('held'),
			},
			{
				guard: ({ context, event }) => context.free >= event.count,
				actions: [
					assign({
						free: ({ context, event }) => context.free - event.count,
						held: ({ context, event }) => ({ ...context.held, [event.order]: event.count }),
					}),
					reply('held'),
				],
			},
			{ actions: reply('none left') },
		],
		SHIP: [
			{ guard: ({ event }) => event.address === 'nowhere', actions: reply('no way there') },
			{
				actions: [
					assign(({ context, event }) => {
						const { [event.order]: count = 0, ...held } = context.held;
						return { held, sold: context.sold + count };
					}),
					reply('shipped'),
				],
			},
		],
		// An order that holds nothing has nothing to release, which is no error.
		RELEASE: {
			actions: assign(({ context, event }) => {
				const { [event.order]: count = 0, ...held } = context.held;
				return { free: context.free + count, held };
			}),
		},
		TELL: { actions: reply(({ context }) => ({ ...context })) },
	},
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'stock',
	summary: 'Holds articles for orders',
	version: 1,
	machine,
});
