import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, raise } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { send } from '../../../actors/definition/effects.ts';
import { checkInput } from '../../../runtime/message/message.ts';
import { isKey } from '../../../runtime/message/topics.ts';
import { sink, startActorNode } from '../../support/actor-node.ts';
import { openedJournal } from '../../support/open-journal.ts';

const bad = ['\0', `a\0${'b'.repeat(70)}`, `${'b'.repeat(70)}\0a`, 'half \ud800', 'x'.repeat(129)];
const good = ['', 'a b', '👍🏽', '\uffff', 'x'.repeat(128)];

test('a key that the key format on disk would confuse with another is refused', () => {
	const input = (key: string) => checkInput({ toNode: 'n', method: 'REQPing', key }).key;
	for (const key of bad) {
		assert.equal(isKey(key), false);
		assert.throws(() => input(key), { code: 'bad_message' });
	}
	for (const key of good) assert.equal(input(key), key);
});

test('a machine cannot send to such a key, nor set a timer of such an id, and says so at once', async (t) => {
	const actors = bad.flatMap((name, n) => {
		const id = name.length > 128 ? name.repeat(4) : name;
		const actions = [send({ method: sink, key: name }), raise({ type: 'B' }, { id, delay: 5 })];
		return actions.map((action, at) => {
			const machine = createMachine({ on: { A: { actions: action as never }, B: {} } });
			return defineActor({ name: `it${n}-${at}`, version: 1, machine });
		});
	});
	const node = await startActorNode(t, { actors });
	for (const { name } of actors) {
		const id = await node.send(name, 'A');
		await node.idle(name);
		const { code, attempts } = node.ledger.get(id)?.result ?? {};
		assert.deepEqual([name, code, attempts], [name, 'bad_name', 1]);
	}
	await node.stop();
});

test('a message that came with such a key fails, and harms no other instance', async (t) => {
	const actor = defineActor({ name: 'it', version: 1, machine: createMachine({ on: { A: {} } }) });
	const node = await startActorNode(t, { actors: [actor] });
	const ids = [];
	for (const key of [...bad, 'good']) ids.push(await node.send('it', 'A', { key }));
	await node.idle('it');
	const codes = ids.map((id) => node.ledger.get(id)?.result?.code);
	assert.deepEqual(codes, [...bad.map(() => 'bad_name'), undefined]);
	assert.equal(node.journal.count('snapshots'), 1);
	await node.stop();
});

test('the journal refuses a key with a NUL in a long text, instead of writing another', async (t) => {
	const { journal } = openedJournal(t);
	const key = ['it', bad[1] ?? ''];
	await assert.rejects(journal.commit([{ table: 'snapshots', key, value: 1 }]), {
		code: 'internal',
	});
	assert.equal(journal.get('snapshots', key), undefined);
	await journal.commit([{ table: 'snapshots', key: ['it', 'a\0b'], value: 1 }]);
	assert.deepEqual(journal.keys('snapshots', { from: ['it'], to: ['iu'] }), [['it', 'a\0b']]);
});
