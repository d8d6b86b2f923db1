import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import {
	checkName,
	formatTopic,
	isAcknowledged,
	isKind,
	isName,
	kinds,
	nodeFilters,
	parseTopic,
	publicFilter,
	type Topic,
} from '../../../runtime/message/topics.ts';

test('a name has letters, digits, dot, dash and underscore, and nothing that topics or paths read', () => {
	for (const name of ['central', 'ship1', 'a.b-c_d', '0', 'a..b', 'x'.repeat(128)]) {
		assert.ok(isName(name), name);
	}
	const bad = ['', '.', '..', '...', '_ack', 'a/b', '+', '#', 'a b', 'a\0', 'a\n', 'é', '../x'];
	for (const name of [...bad, 'x'.repeat(129), '\\', '$SYS', '%2f']) assert.ok(!isName(name), name);
});

test('a bad name is reported with what it should have named, and never in full length', () => {
	assert.equal(checkName('node', 'ship1'), 'ship1');
	assert.throws(() => checkName('node', 'a/b'), { code: 'bad_name', detail: 'node "a/b"' });
	assert.throws(
		() => checkName('node', '#'.repeat(1_000_000)),
		({ message }: Error) => message.length < 400,
	);
});

test('only the NACK kinds want no acknowledgement, and a kind is one of four words', () => {
	assert.deepEqual(kinds.filter(isAcknowledged), ['CommandACK', 'EventACK']);
	for (const word of ['', 'commandack', 'CommandACK ', 'constructor']) assert.ok(!isKind(word));
});

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/).filter(isName);
const plain = { noNullPrototype: true };
const topic: fc.Arbitrary<Topic> = fc.oneof(
	fc.record(
		{
			part: fc.constantFrom('public' as const, 'lane' as const),
			node: name,
			method: name,
			kind: fc.constantFrom(...kinds),
		},
		plain,
	),
	fc.record({ part: fc.constantFrom('ack' as const, 'status' as const), node: name }, plain),
);

test('every topic is read back as it was written, with any prefix or none', () => {
	fc.assert(
		fc.property(topic, fc.constantFrom('', 'reeve', 'a/b', 'reeve/reeve'), (given, prefix) => {
			assert.deepEqual(parseTopic(prefix, formatTopic(prefix, given)), given);
		}),
	);
});

test('a topic without a prefix begins with its node, not with a slash', () => {
	assert.equal(formatTopic('', { part: 'ack', node: 'ship1' }), 'ship1/_ack');
	assert.equal(formatTopic('reeve', { part: 'status', node: 'ship1' }), 'reeve/ship1/_status');
});

test('what is not of the grammar is no topic', () => {
	for (const text of [
		'',
		'reeve',
		'reeve/',
		'reeve/ship1',
		'reeve//_ack',
		'reeve/ship1/_ack/x',
		'reeve/ship1/_other',
		'reeve/+/_ack',
		'reeve/../_status',
		'reeve/ship1/REQPing',
		'reeve/ship1/REQPing/EventAck',
		'reeve/ship1/REQPing/EventACK/',
		'reeve/ship1/_lane/REQPing',
		'reeve/ship1/_lane/_lane/EventACK',
		'reeve/ship1/_lane/REQPing/EventACK/more',
		'reeves/ship1/_ack',
		'other/ship1/REQPing/EventACK',
	]) {
		assert.equal(parseTopic('reeve', text), undefined, text);
	}
});

test('any text at all is a topic or none, without an error', () => {
	fc.assert(
		fc.property(fc.string(), (text) => {
			const parsed = parseTopic('', text);
			if (parsed) assert.equal(formatTopic('', parsed), text);
		}),
	);
});

test('a node subscribes to its own topics, and to the presence of all nodes', () => {
	assert.equal(publicFilter('reeve', 'ship1'), 'reeve/ship1/+/+');
	assert.equal(publicFilter('', 'ship1'), 'ship1/+/+');
	assert.deepEqual(nodeFilters('reeve', 'ship1'), [
		'reeve/ship1/_lane/+/+',
		'reeve/ship1/_ack',
		'reeve/ship1/_claim',
		'reeve/+/_status',
	]);
	assert.deepEqual(nodeFilters('', 'ship1'), [
		'ship1/_lane/+/+',
		'ship1/_ack',
		'ship1/_claim',
		'+/_status',
	]);
	assert.deepEqual(nodeFilters('reeve', 'ship1', 'asked'), [
		'reeve/ship1/_lane/+/+',
		'reeve/ship1/_ack',
		'reeve/ship1/_claim',
		'reeve/ship1/_status',
	]);
});
