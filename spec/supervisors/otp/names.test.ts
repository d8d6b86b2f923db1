import assert from 'node:assert/strict';
import test from 'node:test';
import { createChild, type OwnedChild } from '../../../supervisors/otp/child.ts';
import { createNames } from '../../../supervisors/otp/names.ts';

function actor(): OwnedChild {
	const child = createChild('a', { shutdown: (reason) => child.exit(reason), kill() {} });
	return child;
}

test('a name belongs to one actor at a time, and registering a taken one returns its owner', () => {
	const names = createNames();
	const [one, other] = [actor(), actor()];
	assert.deepEqual(names.register('db', one), { ok: true });
	assert.deepEqual(names.register('db', one), { ok: true });
	assert.deepEqual(names.register('db', other), { taken: one });
	assert.equal(names.whereis('db'), one);
	assert.equal(names.whereis('nobody'), undefined);
});

test('a name is free when its owner has ended, before other exit listeners are called', () => {
	const names = createNames();
	const [one, other] = [actor(), actor()];
	// This watcher is told first: even so the name is free for the successor.
	one.onExit(() => {
		assert.equal(names.whereis('db'), undefined);
		assert.deepEqual(names.registered(), []);
		assert.deepEqual(names.register('db', other), { ok: true });
	});
	names.register('db', one);
	one.exit('normal');
	assert.equal(names.whereis('db'), other, 'the end of the first does not take it away again');
	names.register('db', one);
	assert.equal(names.whereis('db'), other, 'the dead are not registered');
});

test('a member that has ended is in no group, before other exit listeners are called', () => {
	const names = createNames();
	const [one, other] = [actor(), actor()];
	let seen: readonly unknown[] = [];
	one.onExit(() => (seen = names.members('all')));
	for (const child of [one, other]) names.join('all', child);
	one.exit('normal');
	assert.deepEqual(seen, [other]);
});

test('a name can be taken away, and all are listed in order', () => {
	const names = createNames();
	for (const name of ['b', 'c', 'a']) names.register(name, actor());
	assert.deepEqual(names.registered(), ['a', 'b', 'c']);
	assert.equal(names.unregister('b'), true);
	assert.equal(names.unregister('b'), false);
	assert.deepEqual(names.registered(), ['a', 'c']);
});

test('a group has any number of members, each once, in the order in which they joined', () => {
	const names = createNames();
	const members = [actor(), actor(), actor()];
	for (const member of [...members, ...members]) names.join('pumps', member);
	assert.deepEqual(names.members('pumps'), members);
	names.leave('pumps', members[1]!);
	members[0]?.kill();
	assert.deepEqual(names.members('pumps'), [members[2]]);
	names.join('pumps', members[0]!);
	assert.deepEqual(names.members('pumps'), [members[2]], 'the dead do not join');
	assert.deepEqual(names.groups(), ['pumps']);
	members[2]?.exit('normal');
	assert.deepEqual([names.members('pumps'), names.groups()], [[], []]);
});
