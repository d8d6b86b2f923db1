/**
 * A driven actor: one instance of a definition on a node of its own, in a time that only goes on
 * when it is told to. What it does is what a node would have it do, disk included; and it can be
 * killed between any two events.
 *
 * ```ts
 * const door = await driveActor(definition);
 * await door.send({ type: 'PUSH' });
 * await door.clock.advance(60_000);
 * await door.crash();
 * assert.equal(await door.value(), 'closed');
 * await door.stop();
 * ```
 *
 * @module
 */
import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import type { HistoryLine, InstanceRow } from '../../runtime/queries/actor-rows.ts';
import type { SteppedClock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { simulateFleet, type FleetOptions, type SimulatedNode } from './simulated-fleet.ts';

/** What an actor is driven with. */
export interface DriveOptions extends Pick<FleetOptions, 'seed' | 'methods' | 'actors' | 'config'> {
	/** The key of the instance; none by default. */
	readonly key?: string;
}

/** How an event has ended, as its sender sees it. */
export interface DrivenOutcome {
	/** `done`, `failed`, ...; `waiting` as long as it is not answered. */
	readonly outcome: string;
	/** The answer, out of its JSON; a text that is none as it is. */
	readonly data?: unknown;
	readonly code?: string;
}

/** One turn: its event, the state after it, and what it asked for, a line each. */
export type DrivenTurn = Pick<HistoryLine, 'turn' | 'event' | 'value'> & {
	readonly did: readonly string[];
};

/** The instance. */
export interface DrivenActor<Machine extends AnyStateMachine> {
	/** Stepped by hand: `await clock.advance(60_000)` lets a minute pass, with all that is due. */
	readonly clock: SteppedClock;
	/** The state that it is in after its last turn. Like all below, it rejects before the first. */
	value(): Promise<unknown>;
	context(): Promise<SnapshotFrom<Machine>['context']>;
	/** All that a node tells of it: timers, steps, mail, asks and more. */
	describe(): Promise<InstanceRow>;
	/** The turns so far, oldest first, as far as the flight recorder keeps them. */
	turns(): Promise<readonly DrivenTurn[]>;
	/** Sends it an event, and lets everything run that needs no time. */
	send(event: EventFromLogic<Machine>): Promise<DrivenOutcome>;
	/** Kills the node, as SIGKILL does, and starts it again on its disk. */
	crash(): Promise<void>;
	stop(): Promise<void>;
}

const node = 'central';

/** Starts a node in stepped time, to drive one instance of this actor on it. */
export async function driveActor<Machine extends AnyStateMachine>(
	definition: ActorDefinition<Machine>,
	{ key = '', actors = [], ...options }: DriveOptions = {},
): Promise<DrivenActor<Machine>> {
	const fleet = simulateFleet({ ...options, actors: [definition as ActorDefinition, ...actors] });
	let life: SimulatedNode = await fleet.start(node);
	const { clock } = fleet;

	const describe = async (): Promise<InstanceRow> => {
		const question = { reeve: 'actor', actor: definition.name, key };
		const [row] = await life.ask<InstanceRow>(question);
		if (row) return row;
		throw new ReeveError('not_found', `${definition.name}/${key}`);
	};
	return {
		clock,
		describe,
		value: async () => (await describe()).value,
		context: async () => (await describe()).context as SnapshotFrom<Machine>['context'],
		async turns() {
			const { history } = await describe();
			return history.map(({ turn, event, value, did = [] }) => ({
				turn,
				...(event ? { event } : {}),
				value,
				did,
			}));
		},
		async send(event) {
			const id = await life.send({
				toNode: node,
				method: definition.name,
				data: JSON.stringify(event),
				replyMethod: 'REQNone',
				...(key === '' ? {} : { key }),
			});
			await fleet.settle();
			const { state, settled, output = '', code } = await life.row(id);
			return {
				outcome: settled ? state : 'waiting',
				...(output === '' ? {} : { data: valueOf(output) }),
				...(code === undefined ? {} : { code }),
			};
		},
		async crash() {
			fleet.kill(node);
			life = await fleet.start(node);
		},
		stop: () => fleet.stop(),
	};
}

function valueOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}
