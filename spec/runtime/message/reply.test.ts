import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import type { Message, Result } from '../../../runtime/message/message.ts';
import {
	composeOwnOutput,
	composeReply,
	isMereOutcome,
	noReplyMethod,
	type Run,
} from '../../../runtime/message/reply.ts';
import { messageOf } from '../../support/messages.ts';

const done: Result = { outcome: 'done', attempts: 1 };
const output = { data: 'output' };
const reply = (request: Partial<Message>, run: Run, replies: boolean | 'interim' = true) =>
	composeReply(messageOf(request), run, { clock: steppedClock(), node: 'ship1', replies });

test('a reply goes back to the sender, and says what it answers', () => {
	const made = reply({ id: 'm1', replyMethod: 'REQToFile' }, { output, result: done });
	assert.deepEqual(
		[made?.fromNode, made?.toNode, made?.inReplyTo, made?.previousMethod, made?.kind],
		['ship1', 'central', 'm1', 'REQPing', 'EventACK'],
	);
	assert.deepEqual([made?.method, made?.data, made?.result], ['REQToFile', 'output', done]);
	assert.notEqual(made?.id, 'm1');
});

test('it takes over what the request says of its reply, and nothing else', () => {
	const made = reply(
		{
			replyMethod: 'REQToFile',
			replyMethodArgs: ['x'],
			replyACKTimeout: 3,
			replyRetries: 2,
			replyMethodTimeout: 7,
			directory: 'd',
			fileName: 'f',
			ttl: 5,
			key: 'k',
			note: 'n',
		},
		{ output, result: done },
	);
	assert.deepEqual(
		[made?.methodArgs, made?.ACKTimeout, made?.retries, made?.methodTimeout],
		[['x'], 3, 2, 7],
	);
	assert.deepEqual([made?.directory, made?.fileName], ['d', 'f']);
	assert.deepEqual([made?.ttl, made?.key, made?.note], [undefined, undefined, undefined]);
});

test('output goes to a file if there is a name for it, and else only the outcome travels', () => {
	assert.equal(reply({ fileName: 'f' }, { output, result: done })?.method, 'REQToFileAppend');
	assert.equal(reply({}, { output, result: done })?.method, noReplyMethod);
	assert.equal(
		reply({ replyMethod: 'REQToFile' }, { output, result: done }, false)?.method,
		noReplyMethod,
	);
});

test('a run that ended without output never overwrites a file with nothing', () => {
	const failed: Result = { outcome: 'failed', code: 'timed_out' };
	assert.equal(reply({ replyMethod: 'REQToFile' }, { result: failed })?.method, noReplyMethod);
	assert.equal(
		reply({ replyMethod: 'REQToFile' }, { output, result: failed })?.method,
		'REQToFile',
	);
});

test('a reply is never answered, whatever it asks for', () => {
	const request = { inReplyTo: 'm0', replyMethod: 'REQToFile' };
	assert.equal(reply(request, { output, result: done }), undefined);
});

test('a message that wants no acknowledgement is answered only with output that was asked for', () => {
	const kind = 'CommandNACK';
	assert.equal(reply({ kind }, { output, result: done }), undefined);
	assert.equal(reply({ kind, replyMethod: 'REQToFile' }, { output, result: done })?.data, 'output');
});

test('an interim reply has no outcome, and is made only for a receiver', () => {
	assert.equal(reply({ replyMethod: 'REQToFile' }, { output })?.result, undefined);
	assert.equal(reply({}, { output }), undefined);
});

test('behind interim replies only the outcome follows, in their lane', () => {
	const request = { replyMethod: 'REQToFile' };
	const interim = reply(request, { output }, 'interim');
	assert.deepEqual(
		[interim?.method, interim?.data, interim?.result],
		['REQToFile', 'output', undefined],
	);
	const last = reply(request, { output, result: done }, 'interim');
	assert.deepEqual([last?.method, last?.data], ['REQToFile', undefined]);
	assert.deepEqual(last?.result, { ...done, streamed: true });
	assert.ok(last && isMereOutcome(last));
	assert.ok(interim && !isMereOutcome(interim));
	const failed: Result = { outcome: 'failed', code: 'command_failed' };
	assert.equal(reply(request, { result: failed }, 'interim')?.method, 'REQToFile');
	assert.equal(reply({}, { result: done }, 'interim')?.method, noReplyMethod);
});

test("the output of a method that took a reply goes to central's files, if it named one", () => {
	const parts = { clock: steppedClock(), node: 'ship9', replies: true, central: 'central' };
	const answer = { inReplyTo: 'm0', previousMethod: 'REQCliCommand', fromNode: 'ship2' };
	const own = (fields: Partial<Message>, run: Run = { output }) =>
		composeOwnOutput(messageOf({ id: 'r1', ...answer, fileName: 'f', ...fields }), run, parts);
	const made = own({ directory: 'd' });
	assert.deepEqual(
		[made?.fromNode, made?.toNode, made?.method, made?.directory, made?.fileName],
		['ship9', 'central', 'REQToFileAppend', 'd', 'f'],
	);
	assert.deepEqual([made?.aboutNode, made?.data, made?.inReplyTo], ['ship2', 'output', 'r1']);
	assert.equal(own({ fileName: '' }), undefined);
	assert.equal(own({}, { output: { data: '' } }), undefined);
	assert.equal(own({}, {}), undefined);
	const plain = messageOf({ fileName: 'f' });
	assert.equal(composeOwnOutput(plain, { output }, parts), undefined);
});
