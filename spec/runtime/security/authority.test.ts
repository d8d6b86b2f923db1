import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { openAccess, type Caller } from '../../../runtime/security/access-rules.ts';
import { createAuthority, type HandedIn } from '../../../runtime/security/authority.ts';
import { createPermit } from '../../../runtime/security/permit.ts';
import type { Config } from '../../../runtime/config/config.ts';
import { askedReply } from '../../../runtime/message/reply.ts';
import { arePrincipals, principalsMax } from '../../../runtime/message/principal.ts';
import { builtInMethods } from '../../support/composed-node.ts';
import { messageOf } from '../../support/messages.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

/** The authority of central, where rules are in force. */
function authorityOf(t: TestScope, rules: readonly string[], signing: Config['signing'] = 'on') {
	const path = join(temporaryFolder(t), 'acl.yaml');
	writeFileSync(path, `rules: [${rules.join(', ')}]\n`);
	const find = (name: string) => builtInMethods.find(name);
	const access = openAccess({
		path,
		clock: steppedClock(),
		wireNameOf: (name) => find(name)?.name,
	});
	const config = { signing, nodeName: 'central', centralNodeName: 'central' } as const;
	const authority = createAuthority({ config, access, keyring: { knows: () => true }, find });
	return { authority, access, config };
}

const alice: Caller = { kind: 'client', name: 'alice' };
const mayPing = '{from: client, method: REQPing}';
const mayRelay = '{from: client, method: REQRelay}';

function ask(fields: Partial<HandedIn>): HandedIn {
	return { receivers: ['central'], method: 'REQPing', methodArgs: [], ...fields };
}

test('a request is refused for what its reply would call, and says which right is missing', (t) => {
	const { authority } = authorityOf(t, [mayPing]);
	const refused = (fields: Partial<HandedIn>, caller: Caller = alice) =>
		authority.intakeRefusal({ caller }, ask(fields));
	assert.equal(refused({}), undefined);
	assert.equal(
		refused({ replyMethod: 'REQCliCommand', replyMethodArgs: ['touch', '/tmp/x'] }),
		'its reply: no rule allows client:alice REQCliCommand',
	);
	assert.match(refused({ replyMethod: 'exec' }) ?? '', /REQCliCommand/, 'also by an alias');
	assert.match(refused({ fileName: 'f' }) ?? '', /^its reply: .*REQToFileAppend/);
	assert.match(refused({ replyMethod: 'REQAclDeliverUpdate' }) ?? '', /^its reply: only central/);
	const relayed = { replyMethod: 'REQRelay', replyMethodArgs: ['central', 'REQCliCommand', 'id'] };
	assert.match(refused(relayed) ?? '', /no rule allows client:alice REQRelay/);
	assert.equal(refused({ replyMethod: 'REQNone' }), undefined, 'nothing runs then');
	assert.equal(refused(relayed, { kind: 'local' }), undefined);
});

test('a method that has no output needs no right to have it written', (t) => {
	const { authority } = authorityOf(t, ['{from: client, method: REQToFile}', mayPing]);
	const refused = (method: string) =>
		authority.intakeRefusal({ caller: alice }, ask({ method, fileName: 'f' }));
	assert.equal(refused('REQToFile'), undefined);
	assert.match(refused('REQPing') ?? '', /REQToFileAppend/);
});

test('an outcome is told only on topics where every principal may have it told', (t) => {
	const mayTell = "{from: 'client:alice', method: replyTopic, command: 'alice/#'}";
	const { authority } = authorityOf(t, [mayPing, mayTell, '{from: ship1, method: REQPing}']);
	const refused = (replyTopic: string, ...askedBy: string[]) =>
		authority.intakeRefusal({ caller: alice, askedBy }, ask({ replyTopic }));
	assert.equal(refused('alice/answers'), undefined);
	assert.equal(
		refused('plant/valve'),
		'its outcome: no rule allows client:alice replyTopic on plant/valve',
	);
	assert.match(refused('alice/answers', 'node:ship1') ?? '', /no rule allows ship1 replyTopic/);
	assert.equal(authority.topicRefusal([], 'plant/valve'), undefined);
	assert.match(authority.topicRefusal(['client:alice'], 'plant/valve') ?? '', /no rule allows/);
});

test('a relay is looked into however deep, and so is a copy to this node', (t) => {
	const { authority } = authorityOf(t, [mayPing, mayRelay, '{from: client, method: REQCopySrc}']);
	const refused = (method: string, ...methodArgs: string[]) =>
		authority.intakeRefusal({ caller: alice }, ask({ method, methodArgs }));
	assert.equal(refused('REQRelay', 'ship1', 'REQCliCommand', 'id'), undefined, 'ship1 decides it');
	const own = ['central', 'REQCliCommand', 'id'];
	const why = 'what it sends on: no rule allows client:alice REQCliCommand';
	assert.equal(refused('REQRelay', ...own), why);
	assert.equal(refused('REQRelay', 'ship1', 'relay', ...own), why);
	assert.equal(refused('REQRelay', 'ship1', 'relay', 'ship2', 'REQRelay', ...own), why);
	assert.match(refused('REQRelay', 'ship1', 'REQKeysDeliverUpdate', 'list') ?? '', /only central/);
	assert.match(refused('REQCopySrc', 'a', 'central', 'b') ?? '', /REQCopyDst/);
	assert.equal(refused('REQCopySrc', 'a', 'ship1', 'b'), undefined);
});

test('a message may do what each of its principals may do, by any name that denies', (t) => {
	const { authority } = authorityOf(t, [
		"{from: '*', method: REQPing}",
		'{from: ship1, method: REQCliCommand}',
		"{from: 'client:*', method: REQCliCommand}",
		'{from: client, method: exec, command: rm, effect: deny}',
		'{from: local, method: REQRelay, effect: deny}',
	]);
	const refused = (principals: readonly string[], method: string, ...methodArgs: string[]) =>
		authority.refusal(principals, { method, methodArgs });
	assert.equal(refused(['client:alice', 'node:ship1'], 'REQCliCommand', 'id'), undefined);
	assert.match(refused(['client', 'node:ship1'], 'REQCliCommand', 'id') ?? '', /client/);
	assert.match(refused(['client:alice', 'node:ship2'], 'REQCliCommand') ?? '', /ship2/);
	assert.match(refused(['client:alice', 'node:ship1'], 'REQCliCommand', 'rm') ?? '', /denied/);
	assert.match(refused(['unproven:ship1'], 'REQCliCommand', 'id') ?? '', /unproven/);
	assert.match(refused(['node:central'], 'REQRelay') ?? '', /local is denied/, 'its own people');
	assert.equal(refused([], 'REQRelay'), undefined, 'the node itself');
});

test('keys and rules are changed by central itself, and by none in its name', (t) => {
	const called = { method: 'REQAclDeliverUpdate', methodArgs: [] };
	for (const signing of ['off', 'on', 'required'] as const) {
		const { authority } = authorityOf(t, [], signing);
		assert.equal(authority.refusal([], called), undefined);
		for (const list of [['client'], ['client:alice', 'node:central'], ['node:ship1']]) {
			assert.match(authority.refusal(list, called) ?? '', /only central/, list.join());
		}
	}
	const find = (name: string) => builtInMethods.find(name);
	const ship = (signing: Config['signing']) =>
		createAuthority({
			config: { signing, nodeName: 'ship1', centralNodeName: 'central' },
			access: undefined,
			keyring: undefined,
			find,
		}).refusal(['node:central'], called);
	assert.match(ship('off') ?? '', /only central, with a signature/);
	assert.equal(ship('on'), undefined);
});

test('who sends is a principal of what follows, and who answers what was asked is none', (t) => {
	const { authority } = authorityOf(t, []);
	const message = messageOf({ fromNode: 'ship1', askedBy: ['client:alice'] });
	const from = 'ship1';
	assert.deepEqual(authority.of({ message, from }), ['client:alice', 'node:ship1']);
	assert.deepEqual(authority.of({ message, from, asked: true }), ['client:alice']);
	assert.deepEqual(authority.of({ message, from: 'central' }), ['client:alice']);
	const again = messageOf({ fromNode: 'ship1', askedBy: ['client:alice', 'node:ship1'] });
	assert.deepEqual(authority.of({ message: again, from }), again.askedBy, 'it does not grow');
});

test('too many principals, and what is none, are refused', (t) => {
	const { authority } = authorityOf(t, ["{from: '*', method: '*'}"]);
	const many = Array.from({ length: principalsMax }, (_, index) => `node:n${index}`);
	const message = messageOf({ fromNode: 'ship1', askedBy: many });
	const why = authority.runRefusal({ message, from: 'ship1' }, 'REQPing');
	assert.match(why ?? '', /more than 16 principals/);
	assert.equal(authority.runRefusal({ message, from: 'n1' }, 'REQPing'), undefined);
	assert.ok(arePrincipals(['client', 'client:alice', 'node:ship1', 'unproven:ship1']));
	for (const wrong of [['local'], ['node:'], ['node:a/b'], [1], 'client', ['client\n'], [`node`]])
		assert.ok(!arePrincipals(wrong), JSON.stringify(wrong));
});

test('a reply is believed in the words in which it was asked for, and in no others', (t) => {
	const { authority, access, config } = authorityOf(t, [
		mayPing,
		'{from: client, method: append-file}',
	]);
	const request = messageOf({
		id: 'm1',
		fromNode: 'central',
		toNode: 'ship1',
		directory: 'd',
		fileName: 'f',
		askedBy: ['client'],
	});
	const sentRequest = () => ({ toNode: 'ship1', reply: askedReply(request) ?? '' });
	const permit = createPermit({ config, access, authority, sentRequest });
	const rule = (fields: Parameters<typeof messageOf>[0], from = 'ship1') => {
		const method = 'REQToFileAppend';
		const said = {
			id: 'r',
			fromNode: from,
			method,
			inReplyTo: 'm1',
			directory: 'd',
			fileName: 'f',
		};
		const message = messageOf({ ...said, askedBy: ['client'], ...fields });
		return permit.rule({ message, method, from, isProven: true });
	};
	assert.deepEqual(rule({}), { refusal: undefined, isAsked: true });
	for (const other of [
		{ directory: 'startup' },
		{ fileName: 'g' },
		{ aboutNode: 'central' },
		{ methodArgs: ['more'] },
		{ askedBy: ['node:central'] },
	]) {
		const { refusal, isAsked } = rule(other);
		assert.ok(!isAsked, JSON.stringify(other));
		assert.match(refusal ?? '', /no rule allows/);
	}
	assert.match(rule({}, 'ship2').refusal ?? '', /answers what another node was asked/);
});
