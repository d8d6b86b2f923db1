import assert from 'node:assert/strict';
import test from 'node:test';
import { checkReplyTopic, isReplyTopic } from '../../../runtime/message/topics.ts';

test('an outcome is published on topics of clients, and nowhere else', () => {
	for (const topic of ['me/answers', 'reeve', 'reeve/me', 'reeve/me/answers', '/', 'a/b/c/d']) {
		assert.equal(isReplyTopic('reeve', topic), true, topic);
	}
	for (const topic of [
		'',
		'reeve/ship1/_ack',
		'reeve/ship1/_status',
		'reeve/ship1/_whatever/comes/later',
		'reeve/ship1/REQPing/EventACK',
		'me/+/x',
		'me/#',
		'$SYS/x',
		'$share/g/x',
		'a\0b',
		'x'.repeat(1025),
	]) {
		assert.equal(isReplyTopic('reeve', topic), false, topic);
		assert.throws(() => checkReplyTopic('reeve', topic), { code: 'bad_message' });
	}
});

test('without a prefix the topics of nodes begin at the root', () => {
	assert.equal(isReplyTopic('', 'ship1/_ack'), false);
	assert.equal(isReplyTopic('', 'ship1/REQPing/EventACK'), false);
	assert.equal(isReplyTopic('', 'me/answers'), true);
});
