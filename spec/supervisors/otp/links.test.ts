import assert from 'node:assert/strict';
import test from 'node:test';
import { createChild, type OwnedChild } from '../../../supervisors/otp/child.ts';
import { exitText, type DownReason } from '../../../supervisors/otp/exit-reason.ts';
import { createLinks } from '../../../supervisors/otp/links.ts';
import { fate, createSupervision } from '../../support/supervised.ts';

/** An actor that ends as it is asked. */
function actor(id = 'a'): OwnedChild {
	const child = createChild(id, { shutdown: (reason) => child.exit(reason), kill() {} });
	return child;
}

const crash = new Error('crash');

test('a linked actor ends with the reason of the other, from either side', () => {
	for (const reason of [crash, 'shutdown', { shutdown: 'why' }, 'killed'] as const) {
		for (const side of [0, 1] as const) {
			const links = createLinks();
			const pair = [actor(), actor()] as const;
			links.link(...pair);
			pair[side].exit(reason);
			assert.equal(pair[1 - side]?.exitReason, reason);
			assert.ok(pair[1 - side]?.isFenced, 'it was not asked');
		}
	}
});

test('a normal exit ends no linked actor, but the link', () => {
	const links = createLinks();
	const [one, other] = [actor(), actor()];
	links.link(one, other);
	one.exit('normal');
	assert.equal(fate(other), 'alive');
	assert.deepEqual(links.linked(other), []);
});

test('an exit travels along links, through rings too', () => {
	const links = createLinks();
	const ring = Array.from({ length: 5 }, (_, index) => actor(`a${index}`));
	for (const [index, one] of ring.entries()) links.link(one, ring[(index + 1) % 5]!);
	ring[2]?.exit(crash);
	assert.deepEqual(
		ring.map(fate),
		Array.from({ length: 5 }, () => 'crash'),
	);
});

test('linking twice makes one link, which one unlink ends, and one exit is reported', () => {
	const links = createLinks();
	const [one, other] = [actor(), actor()];
	const told: DownReason[] = [];
	links.trapExits(other, ({ reason }) => told.push(reason));
	links.link(one, other);
	links.link(other, one);
	assert.deepEqual(links.linked(one), [other]);
	one.exit(crash);
	assert.deepEqual(told, [crash]);

	const [third, fourth] = [actor(), actor()];
	links.link(third, fourth);
	links.link(third, fourth);
	links.unlink(fourth, third);
	third.exit(crash);
	assert.equal(fate(fourth), 'alive');
});

test('an actor that traps exits receives all of them, also normal ones, and lives on', () => {
	const links = createLinks();
	const trapper = actor('trapper');
	const told: string[] = [];
	links.trapExits(trapper, ({ from, reason }) => told.push(`${from.id} ${exitText(reason)}`));
	const reasons = ['normal', 'shutdown', crash] as const;
	for (const [index, reason] of reasons.entries()) {
		const other = actor(`a${index}`);
		links.link(trapper, other);
		other.exit(reason);
	}
	assert.deepEqual(told, ['a0 normal', 'a1 shutdown', 'a2 crash']);
	assert.equal(fate(trapper), 'alive');
});

test('a kill cannot be trapped, and those linked to its victim see it as killed', () => {
	const links = createLinks();
	const [killer, victim, witness] = [actor(), actor('victim'), actor()];
	const told: DownReason[] = [];
	links.trapExits(victim, () => assert.fail('it has no say'));
	links.trapExits(witness, ({ reason }) => told.push(reason));
	links.link(victim, witness);
	links.exit(victim, 'kill', killer);
	assert.equal(victim.exitReason, 'killed');
	assert.deepEqual(told, ['killed']);
	assert.equal(fate(killer), 'alive');
});

test('an exit signal needs no link: a normal one changes nothing, any other ends its receiver', () => {
	const links = createLinks();
	const [sender, receiver] = [actor(), actor()];
	links.exit(receiver, 'normal', sender);
	assert.equal(fate(receiver), 'alive');
	links.exit(receiver, 'shutdown', sender);
	assert.equal(fate(receiver), 'shutdown');
	links.exit(receiver, crash, sender);
	assert.equal(fate(receiver), 'shutdown', 'the dead receive nothing');
});

test('linking to an ended actor is an exit noproc', () => {
	const links = createLinks();
	const [trapper, innocent, dead] = [actor(), actor(), actor()];
	dead.exit('normal');
	const told: DownReason[] = [];
	links.trapExits(trapper, ({ reason }) => told.push(reason));
	links.link(trapper, dead);
	links.link(innocent, dead);
	assert.deepEqual(told, ['noproc']);
	assert.equal(fate(innocent), 'noproc');
	assert.ok(innocent.exitReason instanceof Error);
});

test('a supervisor does not end with a linked actor that is not its child', async (t) => {
	const top = await createSupervision(t).start({ children: [] });
	const links = createLinks();
	const stranger = actor();
	links.link(stranger, top);
	stranger.exit(crash);
	assert.equal(fate(top), 'alive');
	const follower = actor();
	links.link(top, follower);
	await top.stop();
	assert.equal(fate(follower), 'shutdown');
});
