/**
 * Supervision without a fleet: `node --import tsx examples/supervisor.ts`. With reeve installed the
 * import is from 'reeve/supervisor'.
 *
 * A till counts what is sold, and breaks at a bad price; its supervisor starts it again, and the
 * pool of couriers beside it does not notice.
 *
 * @module
 */
import process from 'node:process';
import { assign, fromPromise, setup } from 'xstate';
import {
	actorChild,
	actorOf,
	createSignals,
	defineSupervisor,
	exitText,
	isSupervisor,
	monitor,
	realClock,
	startSupervisor,
	supervisorChild,
	type SupervisorRef,
} from '../supervisors/otp/supervision.ts';

const till = setup({
	types: { context: {} as { sold: number }, events: {} as { type: 'SELL'; price: number } },
}).createMachine({
	id: 'till',
	context: { sold: 0 },
	on: {
		SELL: {
			actions: assign(({ context, event }) => {
				if (event.price < 0) throw new Error(`a price of ${event.price}`);
				return { sold: context.sold + event.price };
			}),
		},
	},
});

/** A courier ends by itself when it has nothing left to deliver. */
const courier = fromPromise<string, { parcel: string }>(async ({ input }) => {
	await new Promise((resolve) => void setImmediate(resolve));
	if (input.parcel === 'bees') throw new Error('stung');
	return `${input.parcel} delivered`;
});

const print = (line: string) => void process.stdout.write(`${line}\n`);

const shop = defineSupervisor({
	name: 'shop',
	strategy: 'one_for_one',
	intensity: 3,
	period: 10,
	children: [
		{ id: 'till', start: actorChild({ logic: till }) },
		supervisorChild({
			name: 'couriers',
			strategy: 'simple_one_for_one',
			maxChildren: 10,
			children: [
				{
					id: 'courier',
					restart: 'temporary',
					start: actorChild({
						logic: courier,
						input: ({ args: [parcel] }) => ({ parcel: String(parcel) }),
						onDone: (output) => print(output),
					}),
				},
			],
		}),
	],
});

const signals = createSignals(realClock);
signals.subscribe((signal) => {
	if (signal.type === 'actor.crashed') print(`${signal.actor} crashed: ${signal.reason}`);
	if (signal.type === 'child.restarted') print(`${signal.child} was started again`);
});

/** The running child of that id. */
function childOf(supervisor: SupervisorRef, id: string) {
	const row = supervisor.view().children.find((child) => child.id === id);
	if (!row?.child) throw new Error(`no ${id}`);
	return row.child;
}

const top = await startSupervisor(shop, { clock: realClock, signals });
const sell = (price: number) => actorOf(childOf(top, 'till'))?.send({ type: 'SELL', price });
const sold = () => JSON.stringify(actorOf(childOf(top, 'till'))?.getSnapshot().context);

sell(5);
sell(7);
print(`the till has ${sold()}`);
sell(-1);
print(`the till has ${sold()}`);

const couriers = childOf(top, 'couriers');
if (isSupervisor(couriers)) {
	for (const parcel of ['flowers', 'bees', 'books']) {
		const started = await couriers.startChild([parcel]);
		if ('error' in started) continue;
		const { child } = started;
		await new Promise<void>((resolve) => {
			monitor(child, ({ reason }) => {
				print(`the courier with the ${parcel}: ${exitText(reason)}`);
				resolve();
			});
		});
	}
}

print(`the shop ends with ${exitText(await top.stop())}`);
