import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openAccess, parseRules, type Caller } from '../../../runtime/security/access-rules.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const node = (name: string): Caller => ({ kind: 'node', name });
const local: Caller = { kind: 'local' };
const publicMessage: Caller = { kind: 'client' };
const alice: Caller = { kind: 'client', name: 'alice' };
const exec = (...methodArgs: string[]) => ({ method: 'REQCliCommand', methodArgs });
const ping = { method: 'REQPing', methodArgs: [] };

function accessOf(t: TestScope, text?: string) {
	const path = join(temporaryFolder(t), 'acl.yaml');
	if (text !== undefined) writeFileSync(path, text);
	const clock = steppedClock();
	return { path, clock, access: openAccess(path, clock) };
}

test('without rules every caller may call everything', (t) => {
	const { access } = accessOf(t);
	for (const caller of [node('ship1'), local, publicMessage, alice]) {
		assert.equal(access.refusal(caller, exec('rm', '-rf', '/')), undefined);
	}
	assert.equal(access.takesPublic(ping), false, 'nobody has said so of this method');
});

test('with rules a caller may call only what a rule allows, unless it is on the socket', (t) => {
	const { access } = accessOf(t, "rules:\n  - {from: central, method: '*'}\n");
	assert.equal(access.refusal(node('central'), exec('uptime')), undefined);
	assert.equal(access.refusal(node('ship2'), ping), 'no rule allows ship2 REQPing');
	assert.equal(access.refusal(publicMessage, ping), 'no rule allows client REQPing');
	assert.equal(access.refusal(alice, ping), 'no rule allows client:alice REQPing');
	assert.equal(access.refusal(local, exec('uptime')), undefined);
});

test('what is denied is denied, whatever else allows it, also on the socket', (t) => {
	const { access } = accessOf(
		t,
		'rules:\n' +
			"  - {from: '*', method: REQCliCommand, command: reboot, effect: deny}\n" +
			"  - {from: central, method: '*'}\n",
	);
	assert.equal(access.refusal(node('central'), exec('reboot')), 'central is denied REQCliCommand');
	assert.equal(access.refusal(local, exec('reboot', 'now')), 'local is denied REQCliCommand');
	assert.equal(access.refusal(node('central'), exec('uptime')), undefined);
});

test('a command is the beginning of the arguments, word by word', (t) => {
	const { access } = accessOf(
		t,
		'commands:\n  look: [uptime, [bash, -c, df -h]]\n' +
			'rules:\n' +
			"  - {from: ship1, method: REQCliCommand, command: '@look'}\n" +
			'  - {from: ship1, method: REQCliCommand, command: systemctl status}\n',
	);
	const may = (...words: string[]) => access.refusal(node('ship1'), exec(...words)) === undefined;
	assert.ok(may('uptime'));
	assert.ok(may('systemctl', 'status', 'nginx'));
	assert.ok(may('bash', '-c', 'df -h'));
	assert.ok(!may('systemctl', 'stop', 'nginx'));
	assert.ok(!may('systemctl status'), 'one word is not two');
	assert.ok(!may('bash', '-c', 'df -h; reboot'));
	assert.ok(!may('uptimed'));
});

test('groups name several nodes; names that are not proven allow nothing', (t) => {
	const { access } = accessOf(
		t,
		"groups:\n  fleet: [ship1, ship2]\nrules:\n  - {from: '@fleet', method: REQPing}\n" +
			"  - {from: '@fleet', method: REQHello, effect: deny}\n",
	);
	assert.equal(access.refusal(node('ship2'), ping), undefined);
	assert.match(access.refusal({ kind: 'unproven', name: 'ship2' }, ping) ?? '', /unproven/);
	const hello = { method: 'REQHello', methodArgs: [] };
	assert.match(access.refusal({ kind: 'unproven', name: 'ship1' }, hello) ?? '', /denied/);
});

test('signed and clients that do not sign are different callers', (t) => {
	const { access } = accessOf(
		t,
		"rules:\n  - {from: 'client:alice', method: REQPing}\n" +
			"  - {from: client, method: REQHello}\n  - {from: 'client:*', method: REQNone}\n",
	);
	const hello = { method: 'REQHello', methodArgs: [] };
	const none = { method: 'REQNone', methodArgs: [] };
	assert.equal(access.refusal(alice, ping), undefined);
	assert.equal(access.refusal(alice, none), undefined);
	assert.notEqual(access.refusal(alice, hello), undefined);
	assert.notEqual(access.refusal(publicMessage, ping), undefined);
	assert.ok(access.takesPublic(hello));
	assert.ok(!access.takesPublic(ping));
	assert.notEqual(access.refusal(node('client'), none), undefined);
});

test('a file that is edited is in force within a second; one that is broken allows nothing', async (t) => {
	const { path, clock, access } = accessOf(t);
	writeFileSync(path, 'rules:\n  - {from: ship1, method: REQPing}\n');
	await clock.advance(1001);
	assert.equal(access.refusal(node('ship1'), ping), undefined);
	assert.notEqual(access.refusal(node('ship2'), ping), undefined);
	writeFileSync(path, 'rules: [ {from: ship1, methd: REQPing} ]\n# longer than before\n');
	await clock.advance(1001);
	assert.match(access.refusal(node('ship1'), ping) ?? '', /no rule allows ship1 REQPing \(.*methd/);
	rmSync(path);
	await clock.advance(1001);
	assert.equal(access.refusal(node('ship2'), ping), undefined);
});

test('rules that cannot be meant are refused with their place', () => {
	for (const [text, why] of [
		['rules: [{from: a}]', /method/],
		["rules: [{from: '@fleet', method: REQPing}]", /no group @fleet/],
		["rules: [{from: a, method: b, command: '@look'}]", /no group @look/],
		['rules: [{from: a, method: b, effect: maybe}]', /effect/],
		['rule: []', /rule/],
		['{', /line 1/],
	] as const) {
		assert.throws(() => parseRules(text, 'acl.yaml'), why, text);
	}
});

test('a rule of a file may name a method by its alias, and a decision names its rule', (t) => {
	const path = join(temporaryFolder(t), 'acl.yaml');
	writeFileSync(
		path,
		'rules:\n  - {from: central, method: exec}\n' +
			'  - {from: ship1, method: exec, effect: deny}\n',
	);
	const wireNameOf = (text: string) => (text === 'exec' ? 'REQCliCommand' : undefined);
	const access = openAccess(path, steppedClock(), wireNameOf);
	assert.deepEqual(access.decide(node('central'), exec('uptime')), {
		isAllowed: true,
		why: 'central is allowed REQCliCommand',
		number: 1,
		rule: { from: 'central', method: 'exec', effect: 'allow' },
	});
	assert.equal(access.decide(node('ship1'), exec('uptime')).number, 2);
	assert.equal(access.decide(node('ship2'), exec('uptime')).number, undefined);
});
