import assert from 'node:assert/strict';
import test from 'node:test';
import { createActor, type AnyStateMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { seededChance, steppedClock } from '../../../runtime/platform/clock.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { eventTypes, randomMachine } from '../../support/random-machine.ts';
import { effort } from '../../support/effort.ts';

/** One thing that happens to a machine: an event, or time that goes by. */
type Incident = { readonly type: string } | { readonly passMs: number };

interface Story {
	readonly machine: AnyStateMachine;
	readonly incidents: readonly Incident[];
}

function storyOf(seed: number): Story {
	const chance = seededChance(seed);
	const machine = randomMachine(chance);
	const incidents = Array.from({ length: 6 + Math.floor(chance() * 14) }, (): Incident => {
		// Never exactly when a timer is due: the order of the two is not guaranteed.
		if (chance() < 0.3) return { passMs: 137 + Math.floor(chance() * 7) * 500 };
		return { type: eventTypes[Math.floor(chance() * eventTypes.length)] ?? 'A' };
	});
	return { machine, incidents };
}

interface Outcome {
	readonly value: unknown;
	readonly context: unknown;
	readonly sent: readonly string[];
}

/** Plain XState, in memory, without any crash. */
async function plainly({ machine, incidents }: Story): Promise<Outcome> {
	const clock = steppedClock(1);
	const actor = createActor(machine, {
		clock: {
			setTimeout: (run, delayMs) => clock.after(delayMs, () => run()),
			clearTimeout: (timer: { cancel(): void } | undefined) => timer?.cancel(),
		},
	});
	const sent: string[] = [];
	actor.on('*', (emitted) => {
		const effect = emitted as { type: string; message?: { data?: string } };
		if (effect.type === 'reeve.send') sent.push(String(effect.message?.data));
	});
	actor.start();
	for (const incident of incidents) {
		if ('passMs' in incident) await clock.advance(incident.passMs);
		else actor.send(incident);
	}
	const { value, context } = actor.getSnapshot();
	actor.stop();
	return { value, context, sent };
}

/** The durable actor, whose process dies at random instants between turns and inside of them. */
async function durably(story: Story, seed: number, t: { after(run: () => void): void }) {
	const chance = seededChance(seed ^ 0x5eed);
	const actor = defineActor({
		name: 'random',
		version: 1,
		autostart: true,
		machine: story.machine,
	});
	let crashes = 0;
	let node: ActorNode = await startActorNode(t, { actors: [actor], clock: steppedClock(seed) });
	const crash = async (): Promise<void> => {
		crashes += 1;
		node = await node.crash();
	};
	/** Some turns of the event loop, in which the turn may get anywhere; then, perhaps, the end. */
	const mayDie = async (): Promise<void> => {
		if (chance() > 0.35) return;
		for (let turns = Math.floor(chance() * 5); turns > 0; turns -= 1) {
			await new Promise((resolve) => {
				setImmediate(resolve);
			});
		}
		await crash();
	};
	const isThere = async (): Promise<void> => {
		await node.until(() => node.stored('random') !== undefined);
	};
	await mayDie();
	await isThere();
	for (const incident of story.incidents) {
		if ('passMs' in incident) {
			await node.idle('random');
			await passing(() => node, incident.passMs);
			await mayDie();
			await passing(() => node, 0);
		} else {
			await node.send('random', incident, { kind: 'CommandACK', replyMethod: 'REQNone' });
			await mayDie();
			await node.idle('random');
		}
	}
	await node.idle('random');
	const { value, context } = node.stored('random')?.state ?? {};
	const sent = node.sunk();
	await node.stop();
	return { outcome: { value, context, sent }, crashes };
}

/**
 * Lets time go by timer by timer: the turn of one is written before the next is due, as in memory.
 */
async function passing(current: () => ActorNode, ms: number): Promise<void> {
	const { clock } = current();
	const until = clock.monotonic() + ms;
	for (;;) {
		const node = current();
		const [first] = node.journal.scan('timers', { from: [0], to: [1e15], limit: 1 });
		const dueAt = Number(first?.key[0] ?? Infinity);
		const wait = Math.max(0, dueAt - clock.now());
		if (clock.monotonic() + wait > until) break;
		await clock.advance(wait);
		await node.until(() => node.journal.get('timers', first?.key ?? []) === undefined);
		await node.journal.commit([]);
	}
	await clock.advance(until - clock.monotonic());
}

const seedsPerTest = effort(40, 100);
for (const first of [1, 1001, 2001]) {
	test(`durable machines end like plain ones in spite of crashes, seeds from ${first}`, async (t) => {
		let crashes = 0;
		let sent = 0;
		for (let seed = first; seed < first + seedsPerTest; seed += 1) {
			const story = storyOf(seed);
			const expected = await plainly(story);
			const found = await durably(story, seed, t);
			crashes += found.crashes;
			sent += expected.sent.length;
			assert.deepEqual(found.outcome, expected, `seed ${seed}`);
		}
		assert.ok(
			crashes > seedsPerTest && sent > seedsPerTest,
			`only ${crashes} crashes and ${sent} messages`,
		);
	});
}
