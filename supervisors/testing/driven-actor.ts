/**
 * A driven actor: one instance of a definition on a node of its own, whose clock is stepped by the
 * test. It runs as on any node, disk included, and can be killed between any two events.
 *
 * ```ts
 * const turnstile = await driveActor(definition);
 * await turnstile.send({ type: 'PUSH' });
 * await turnstile.clock.advance(60_000);
 * await turnstile.crash();
 * assert.equal(await turnstile.value(), 'closed');
 * await turnstile.stop();
 * ```
 *
 * @module
 */
import type { AnyStateMachine, EventFromLogic, SnapshotFrom } from 'xstate';
import { jsonOf } from '../../actors/definition/json-data.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import type { HistoryLine, InstanceRow } from '../../runtime/queries/actor-rows.ts';
import type { SteppedClock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { simulateFleet, type FleetOptions, type SimulatedNode } from './simulated-fleet.ts';

/** The options of a driven actor. */
export interface DriveOptions extends Pick<FleetOptions, 'seed' | 'methods' | 'actors' | 'config'> {
	/** The key of the instance; none by default. */
	readonly key?: string;
}

/** The outcome of an event, as its sender sees it. */
export interface DrivenOutcome {
	/** `done`, `failed`, ...; `waiting` until it is answered. */
	readonly outcome: string;
	/** The answer, parsed from JSON; a text that is not JSON as it is. */
	readonly data?: unknown;
	readonly code?: string;
}

/** One turn: its event, the state after it, and the effects it requested, a line each. */
export type DrivenTurn = Pick<HistoryLine, 'turn' | 'event' | 'value'> & {
	readonly did: readonly string[];
};

/** The driven instance. */
export interface DrivenActor<Machine extends AnyStateMachine> {
	/** `await clock.advance(60_000)` lets a minute pass, and everything run that is due. */
	readonly clock: SteppedClock;
	/** The state after the last turn. Like the methods below, it rejects before the first turn. */
	value(): Promise<unknown>;
	context(): Promise<SnapshotFrom<Machine>['context']>;
	/** Everything the node knows about it: timers, steps, mail, asks and more. */
	describe(): Promise<InstanceRow>;
	/** The turns so far, oldest first, as far as the node keeps them. */
	turns(): Promise<readonly DrivenTurn[]>;
	/** Sends it an event, and lets everything run that is ready, without moving time. */
	send(event: EventFromLogic<Machine>): Promise<DrivenOutcome>;
	/** Kills the node as SIGKILL does, and starts it again on its disk. */
	crash(): Promise<void>;
	stop(): Promise<void>;
}

const node = 'central';

/** Starts a node with a stepped clock, to drive one instance of this actor on it. */
export async function driveActor<Machine extends AnyStateMachine>(
	definition: ActorDefinition<Machine>,
	{ key = '', actors = [], ...options }: DriveOptions = {},
): Promise<DrivenActor<Machine>> {
	const fleet = simulateFleet({ ...options, actors: [definition as ActorDefinition, ...actors] });
	let running: SimulatedNode = await fleet.start(node);
	const { clock } = fleet;

	const describe = async (): Promise<InstanceRow> => {
		const question = { reeve: 'actor', actor: definition.name, key };
		const [row] = await running.ask<InstanceRow>(question);
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
			const id = await running.send({
				toNode: node,
				method: definition.name,
				data: jsonOf(event, 'the event'),
				replyMethod: 'REQNone',
				...(key === '' ? {} : { key }),
			});
			await fleet.settle();
			const { state, settled, output = '', code } = await running.row(id);
			return {
				outcome: settled ? state : 'waiting',
				...(output === '' ? {} : { data: valueOf(output) }),
				...(code === undefined ? {} : { code }),
			};
		},
		async crash() {
			fleet.kill(node);
			running = await fleet.start(node);
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
