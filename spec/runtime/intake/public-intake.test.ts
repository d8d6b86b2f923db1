import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Kind } from '../../../runtime/message/topics.ts';
import type { PublicProperties } from '../../../runtime/network/transport.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { scanMailbox } from '../../../runtime/mailbox/mailbox-row.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

const topic = (method = 'REQPing', kind: Kind = 'EventACK') => `reeve/ship1/${method}/${kind}`;

/** Publishes as an MQTT client would; resolves when the broker would get its PUBACK. */
function publish(
	node: ComposedNode,
	payload: string | object,
	more: Publishing = {},
): Promise<void> {
	const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
	const { at = topic(), ...properties } = more;
	return node.services.listener.publicMessage(at, Buffer.from(text), properties);
}

interface Publishing extends PublicProperties {
	readonly at?: string;
}

const waiting = (node: ComposedNode, method = 'REQPing') =>
	node.journal.count('mailbox', rowsUnder(method));

/** What was published on a topic of the client's own. */
function answersAt(node: ComposedNode, at: string) {
	return node.published
		.filter((publication) => publication.topic === at)
		.map(({ payload, correlationData }) => ({
			row: JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>,
			correlation: correlationData && Buffer.from(correlationData).toString('utf8'),
		}));
}

async function settle(node: ComposedNode, id: string): Promise<void> {
	const { ledger } = node.services;
	await node.journal.commit(ledger.settle(id, { outcome: 'done', attempts: 1 }, 'pong\n'));
	ledger.settled(id);
	await node.clock.settle();
}

/** Turns of the loop in which a real disk has flushed, however busy the machine is. */
const turnsMax = 50_000;

/** Until what was given to the wire is published, which takes some turns and a flush. */
async function published(node: ComposedNode, at: string, count = 1) {
	for (let turn = 0; turn < turnsMax && answersAt(node, at).length < count; turn += 1) {
		await node.clock.settle();
	}
	return answersAt(node, at);
}

/** Until no answer waits any more. */
async function emptied(node: ComposedNode): Promise<void> {
	const { outcomePublisher } = node.services;
	for (let turn = 0; turn < turnsMax && outcomePublisher.waiting() > 0; turn += 1)
		await node.clock.settle();
	assert.equal(outcomePublisher.waiting(), 0);
}

test('JSON with trailing commas, YAML and lists of messages are taken from a public topic', async (t) => {
	const node = composedNode(t);
	await publish(node, '{"methodArgs": ["a",], }');
	assert.equal(waiting(node), 1, 'it is on disk when the publisher gets its PUBACK');
	await publish(node, 'methodArgs: [b, c]\nnote: from a shell\n');
	await publish(node, '- methodArgs: [d]\n- methodArgs: [e]\n');
	await publish(node, [{ toNode: 'ship1', method: 'ping' }, { tonode: 'ship1' }]);
	assert.equal(waiting(node), 6);
	const notes = node.services.ledger.list(10).map(({ note }) => note);
	assert.ok(notes.includes('from a shell'));
});

test('a payload that is no message is refused with a code, and the publisher is told where it asked', async (t) => {
	const node = composedNode(t, { messageBytesMax: 500, publicMessagesMax: 2, messageDepthMax: 5 });
	const cases: readonly (readonly [string, string])[] = [
		['', 'bad_message'],
		['uptime', 'bad_message'],
		['42', 'bad_message'],
		['null', 'bad_message'],
		['[[{}]]', 'bad_message'],
		['{"methodArgs": [', 'bad_json'],
		['a: b: c', 'bad_json'],
		['a: &x [1]\nb: *y', 'bad_json'],
		[`{"data": "${'x'.repeat(600)}"}`, 'too_large'],
		['[{},{},{}]', 'too_large'],
		['[[[[[[[[1]]]]]]]]', 'bad_message'],
		['{"metod": "x"}', 'bad_message'],
	];
	for (const [index, [payload, code]] of cases.entries()) {
		const responseTopic = `client/${index}`;
		await publish(node, payload, { responseTopic, correlationData: Buffer.from('c1') });
		const [answer] = await published(node, responseTopic);
		assert.equal(answer?.row['error'], code, payload);
		assert.equal(typeof answer?.row['hint'], 'string');
		assert.equal(answer?.correlation, 'c1');
	}
	assert.equal(waiting(node), 0);
});

test('a message may not name another node, method or kind than its topic', async (t) => {
	const node = composedNode(t);
	for (const wrong of [
		{ toNode: 'ship2' },
		{ toNodes: ['ship1', 'ship2'] },
		{ method: 'REQCliCommand', methodArgs: ['true'] },
		{ Method: 'exec', methodArgs: ['true'] },
		{ kind: 'CommandACK' },
	]) {
		await publish(node, wrong);
	}
	assert.equal(node.seen('message.refused').length, 5);
	assert.equal(node.journal.count('mailbox') + node.journal.count('outbox'), 0);
});

test('the outcome is published on the response topic, with the correlation data', async (t) => {
	const node = composedNode(t);
	const correlationData = Buffer.from('question 7');
	await publish(node, { id: 'm7' }, { responseTopic: 'client/answers', correlationData });
	await settle(node, 'm7');
	const [answer] = await published(node, 'client/answers');
	assert.equal(answer?.correlation, 'question 7');
	const { id, state, output, settled } = answer?.row ?? {};
	assert.deepEqual([id, state, output, settled], ['m7', 'done', 'pong\n', true]);
	await emptied(node);
});

test('replyTopic and correlation in the message do the same for MQTT 3.1.1', async (t) => {
	const node = composedNode(t);
	await publish(node, { id: 'm8', replyTopic: 'client/old', correlation: 'c8' });
	await settle(node, 'm8');
	const [answer] = await published(node, 'client/old');
	assert.equal(answer?.row['correlation'], 'c8');
	assert.equal(answer?.row['state'], 'done');
});

test('nothing is published where nodes listen, nor on patterns', async (t) => {
	const node = composedNode(t);
	const bad = [
		'reeve/ship2/_ack',
		'reeve/ship2/_anything/at/all',
		'reeve/ship2/REQCliCommand/CommandACK',
		'client/+',
		'client/#',
		'$SYS/broker',
		'x'.repeat(2000),
	];
	for (const [index, responseTopic] of bad.entries()) {
		await publish(node, { id: `bad${index}` }, { responseTopic });
		await publish(node, { id: `worse${index}`, replyTopic: responseTopic });
	}
	await node.clock.settle();
	assert.equal(node.seen('message.refused').length, 2 * bad.length);
	assert.equal(waiting(node), 0);
	assert.equal(node.published.filter(({ qos }) => qos === 1).length, 0);
});

test('a repetition with the same id is not run again, and its outcome is published again', async (t) => {
	const node = composedNode(t);
	const properties = { responseTopic: 'client/a' };
	await publish(node, { id: 'm9' }, properties);
	await publish(node, { id: 'm9' }, { responseTopic: 'client/b' });
	await settle(node, 'm9');
	assert.equal((await published(node, 'client/b')).length, 1, 'whoever asked last is told');
	await publish(node, { id: 'm9' }, properties);
	assert.equal((await published(node, 'client/a')).length, 1);
	assert.equal(waiting(node), 1);
});

test('a repetition without an id is known by where its answer goes and how it is recognised', async (t) => {
	const node = composedNode(t);
	const ask = (correlation: string, text = '{}') =>
		publish(node, text, {
			responseTopic: 'client/a',
			correlationData: Buffer.from(correlation),
		});
	await ask('1');
	await ask('1');
	assert.equal(waiting(node), 1);
	await ask('2');
	await ask('1', '{"note": "another question of a client that has begun to count anew"}');
	assert.equal(waiting(node), 3);
	await publish(node, '{}');
	await publish(node, '{}');
	assert.equal(waiting(node), 5, 'without any of that, each is a message of its own');
});

test('an outcome that the broker has not taken is published by the next process', async (t) => {
	const node = composedNode(t);
	await publish(node, { id: 'm1' }, { responseTopic: 'client/a' });
	const { wire } = node;
	node.services.listener.down(wire, 'cut');
	await settle(node, 'm1');
	assert.equal(node.services.outcomePublisher.waiting(), 1);
	const next = await node.reopen();
	const [answer] = await published(next, 'client/a');
	assert.equal(answer?.row['id'], 'm1');
});

test('an outcome that the broker refuses is tried again, and dropped at last', async (t) => {
	const node = composedNode(t);
	node.verdict.current = 'refused';
	await publish(node, { id: 'm1' }, { responseTopic: 'client/a' });
	await settle(node, 'm1');
	const { outcomePublisher } = node.services;
	for (let second = 0; second < 300 && outcomePublisher.waiting() > 0; second += 1) {
		await node.clock.advance(1000);
	}
	assert.equal(outcomePublisher.waiting(), 0);
	assert.equal(answersAt(node, 'client/a').length, 5);
	assert.equal(node.seen('message.dropped').length, 1);
});

test('what is refused only for now is held, and taken when the mailbox has capacity', async (t) => {
	const node = composedNode(t, { mailboxMessagesMax: 1 });
	await publish(node, { id: 'first' });
	let isAcknowledged = false;
	const held = publish(node, { id: 'second' }).then(() => (isAcknowledged = true));
	await node.clock.advance(5000);
	assert.equal(isAcknowledged, false);
	const box = node.services.mailboxes.get('REQPing');
	const [row] = scanMailbox(node.journal, { from: ['REQPing', 0], to: ['REQPing', 9] });
	assert.ok(box && row);
	await node.journal.commit(box.removal(row));
	await node.clock.advance(1000);
	await held;
	assert.equal(isAcknowledged, true);
});

test('what is held is let go without an acknowledgement when its connection is lost', async (t) => {
	const node = composedNode(t, { mailboxMessagesMax: 1 });
	await publish(node, { id: 'first' });
	const connection = new AbortController();
	const held = publish(node, { id: 'second' }, { gone: connection.signal });
	await node.clock.settle();
	connection.abort();
	await assert.rejects(held, { code: 'stopping' });
	assert.equal(node.services.ledger.get('second'), undefined);
});

test('a message that is sent at most once is not taken from a broker that delivers it again', async (t) => {
	const node = composedNode(t);
	const at = topic('REQPing', 'EventNACK');
	await publish(node, {}, { at, isRepeat: true });
	assert.equal(node.seen('message.accepted').length, 0);
	assert.equal(node.seen('message.dropped').length, 1);
	await publish(node, {}, { at });
	assert.equal(node.seen('message.accepted').length, 1);
	await publish(node, {}, { at, responseTopic: 'client/a' });
	const [answer] = await published(node, 'client/a');
	assert.equal(answer?.row['error'], 'bad_message', 'nobody would ever learn its outcome');
});

test('nothing is told on a topic where its publisher may not have it told, nor where he may no more', async (t) => {
	const keysFolder = temporaryFolder(t);
	const rule = (topicFilter: string) =>
		writeFileSync(
			join(keysFolder, 'acl.yaml'),
			'rules: [{from: client, method: REQPing},' +
				`{from: client, method: replyTopic, command: ${topicFilter}}]`,
		);
	rule("'client/#'");
	const node = composedNode(t, { keysFolder });
	await publish(node, { id: 'm1' }, { responseTopic: 'plant/valve' });
	await publish(node, { id: 'm2', replyTopic: 'plant/valve' });
	await publish(node, 'no message', { responseTopic: 'plant/valve' });
	assert.equal(node.seen('message.refused').length, 3);
	assert.equal(waiting(node), 0);
	await publish(node, { id: 'm3' }, { responseTopic: 'client/a' });
	await publish(node, { id: 'm3' }, { responseTopic: 'plant/valve' });
	await publish(node, { id: 'm4', replyTopic: 'client/b' });
	await settle(node, 'm3');
	assert.equal((await published(node, 'client/a')).length, 1);
	rule("'client/a'");
	await node.clock.advance(1001);
	await settle(node, 'm4');
	await emptied(node);
	assert.deepEqual(answersAt(node, 'client/b'), []);
	assert.deepEqual(answersAt(node, 'plant/valve'), []);
	const [dropped, ...others] = node.seen('message.dropped');
	assert.deepEqual({ ...dropped, id: 'm4', code: 'not_allowed' }, dropped);
	assert.deepEqual(others, []);
});
