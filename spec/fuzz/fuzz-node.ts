/**
 * The node that inputs are given to: a whole one, with small histories, without commands, and with
 * an eye on all that it does not tell its callers.
 *
 * @module
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileYamlDefinition } from '../../actors/declarative/yaml-definition.ts';
import { configOf, type Config } from '../../runtime/config/config.ts';
import type { TransportDefinition } from '../../runtime/network/transport.ts';
import type { Signal } from '../../runtime/observability/signals.ts';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { temporaryFolder, type TestScope } from '../support/temporary.ts';
import { chanceOf } from './chance.ts';

/** The node, and what is seen of it from inside. */
export interface FuzzNode {
	readonly node: RunningNode;
	readonly folder: string;
	/** The address of a transport, as it says when it is up. */
	readonly address: (transport: string) => string;
	/** Resolves with the outcome of a message to come: its history may forget it soon. */
	readonly outcome: (id: string) => Promise<string>;
	readonly faults: () => readonly string[];
	readonly timers: () => number;
}

/** The definition that all nodes of the fuzzing have; it is also a model of one. */
export const thermostatText = readFileSync(
	new URL('../../examples/actors/thermostat.yaml', import.meta.url),
	'utf8',
);

/** What of the node would let inputs reach beyond its folders. */
const withoutCommands = {
	startSubREQCliCommand: false,
	startSubREQCliCommandCont: false,
	startSubREQHttpGet: false,
	startSubREQHttpGetScheduled: false,
	startSubREQTailFile: false,
} as const;

/** Histories are short, so that what is kept on purpose has its full size soon. */
const shortHistories = {
	settledKeptMax: 50,
	receiptsKeptMax: 50,
	deadKeptMax: 50,
	signalsKeptMax: 200,
	outcomesKeptMax: 50,
	historyEventsMax: 8,
	activeInstancesMax: 20,
	storeLogFilesMax: 0,
	lanesMax: 500,
	lanesPerStoreMax: 500,
} as const;

/** Starts it, with these transports. Everything is gone when the test is over. */
export async function startFuzzNode(
	t: TestScope,
	transports: readonly TransportDefinition[],
	values: Partial<Config> = {},
): Promise<FuzzNode> {
	const folder = values.databaseFolder ?? temporaryFolder(t);
	const { clock, pending } = countedClock();
	const data = join(folder, 'data');
	mkdirSync(data, { recursive: true });
	const config = configOf({
		nodeName: 'central',
		databaseFolder: folder,
		socketFolder: folder,
		subscribersDataFolder: data,
		keysFolder: join(folder, 'keys'),
		listenerLogin: false,
		startPubREQHello: 0,
		logLevel: 'silent',
		durability: 'os',
		claimMs: 50,
		unknownMethodGrace: 0,
		diskReserveBytes: 0,
		...withoutCommands,
		...shortHistories,
		...values,
	});
	const thermostat = compileYamlDefinition({
		source: 'thermostat.yaml',
		text: thermostatText,
		node: 'central',
		dataFolder: data,
		notesFolder: join(config.databaseFolder, 'appends'),
		outputBytesMax: config.outputBytesMax,
	});
	const node = await startNode(config, { clock, transports, actors: [thermostat] });
	t.after(() => node.stop());
	const faults: string[] = [];
	const awaited = new Map<string, (outcome: string) => void>();
	node.signals.subscribe((signal) => {
		if (signal.type === 'message.settled') awaited.get(signal.id)?.(signal.outcome);
		const fault = faultOf(signal);
		if (fault !== undefined) faults.push(fault);
	});
	return {
		node,
		folder,
		address(transport) {
			for (const signal of node.signals.recent()) {
				if (signal.type === 'transport.up' && signal.transport === transport) return signal.address;
			}
			throw new Error(`${transport} is not up`);
		},
		outcome: (id) =>
			new Promise((resolve) => {
				awaited.set(id, (outcome) => {
					awaited.delete(id);
					resolve(outcome);
				});
			}),
		faults: () => faults.splice(0),
		timers: pending,
	};
}

/** Signals that no input may cause. */
const never: ReadonlySet<Signal['type']> = new Set([
	'actor.crashed',
	'child.restarted',
	'supervisor.gaveUp',
	'journal.failed',
	'journal.rowDamaged',
	'journal.quarantined',
	'record.failed',
	'node.stopping',
	'store.renewed',
]);

function faultOf(signal: Signal): string | undefined {
	const isBug = 'code' in signal && signal.code === 'internal';
	if (!isBug && !never.has(signal.type)) return undefined;
	return JSON.stringify(signal).slice(0, 2000);
}

/** The machine's clock, whose timers are counted, and whose chance is seeded. */
function countedClock(): { readonly clock: Clock; readonly pending: () => number } {
	let count = 0;
	const chance = chanceOf('clock', 1, 1);
	const clock: Clock = {
		...realClock,
		random: () => chance.below(2 ** 30) / 2 ** 30,
		after(delayMs, run) {
			let isSet = true;
			count += 1;
			const drop = (): void => {
				if (isSet) count -= 1;
				isSet = false;
			};
			const timer = realClock.after(delayMs, () => {
				drop();
				run();
			});
			return {
				cancel() {
					drop();
					timer.cancel();
				},
			};
		},
	};
	return { clock, pending: () => count };
}
