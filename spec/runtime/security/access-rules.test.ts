import assert from 'node:assert/strict';
import {
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
	callerWords,
	defaultRules,
	openAccess,
	parseRules,
	replyTopicRight,
	writeFirstRules,
	type AccessRules,
	type Caller,
} from '../../../runtime/security/access-rules.ts';
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
	return { path, clock, access: openAccess({ path, clock }) };
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
	const deny = "  - {from: '*', method: REQCliCommand, command: reboot, effect: deny}\n";
	const allow = "  - {from: central, method: '*'}\n  - {from: local, method: '*'}\n";
	for (const rules of [deny + allow, allow + deny]) {
		const { access } = accessOf(t, `rules:\n${rules}`);
		const refusal = (caller: Caller, ...words: string[]) => access.refusal(caller, exec(...words));
		assert.equal(refusal(node('central'), 'reboot'), 'central is denied REQCliCommand', rules);
		assert.equal(refusal(local, 'reboot', 'now'), 'local is denied REQCliCommand', rules);
		assert.equal(refusal(node('central'), 'uptime'), undefined, rules);
	}
});

test('a command allows no arguments that only have its words somewhere', (t) => {
	const rule = '  - {from: ship1, method: REQCliCommand, command: [df, -h]}\n';
	const { access } = accessOf(t, `rules:\n${rule}`);
	assert.equal(access.refusal(node('ship1'), exec('df', '-h', '/')), undefined);
	for (const words of [['sudo', 'df', '-h'], ['-h', 'df'], ['df', '/', '-h'], ['df']]) {
		assert.ok(access.refusal(node('ship1'), exec(...words)), words.join(' '));
	}
});

test('where signatures are required and there is no file, only central may call', (t) => {
	const path = join(temporaryFolder(t), 'acl.yaml');
	const defaults = defaultRules({ signing: 'required', centralNodeName: 'central' });
	const access = openAccess({ path, clock: steppedClock(), defaults });
	assert.equal(access.refusal(node('central'), ping), undefined);
	assert.match(access.refusal(node('ship2'), ping) ?? '', /^no rule allows ship2 .*no acl.yaml/);
	assert.match(access.refusal(publicMessage, ping) ?? '', /^no rule allows client/);
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

test('a right to have outcomes published is about topics, by a filter, and opens no method', (t) => {
	const { access } = accessOf(
		t,
		'rules:\n' +
			"  - {from: 'client:alice', method: replyTopic, command: 'alice/#'}\n" +
			"  - {from: ship1, method: '*'}\n" +
			'  - {from: ship1, method: replyTopic, command: [a b/secret], effect: deny}\n',
	);
	const may = (caller: Caller, topic: string) =>
		access.refusal(caller, { method: replyTopicRight, methodArgs: [topic] }) === undefined;
	assert.ok(may(alice, 'alice/answers/1'));
	assert.ok(!may(alice, 'plant/valve'));
	assert.ok(!may(publicMessage, 'alice/answers'));
	assert.ok(may(node('ship1'), 'plant/valve'), 'who may call everything may have it told anywhere');
	assert.ok(!may(node('ship1'), 'a b/secret'));
	assert.ok(may(local, 'plant/valve'));
	assert.match(access.refusal(alice, ping) ?? '', /no rule allows client:alice/);
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

const unproven: Caller = { kind: 'unproven', name: 'ship1' };
const others = {
	client: publicMessage,
	alice,
	bob: { kind: 'client', name: 'bob' },
	local,
} as const;
const callers = { ship1: node('ship1'), ship2: node('ship2'), unproven, ...others };
type Who = keyof typeof callers;

// The rows of the table in the documentation: a word, whom an allow of it covers, whom a deny does.
const rows: readonly (readonly [word: string, allowed: readonly Who[], more: readonly Who[]])[] = [
	['ship1', ['ship1'], ['unproven']],
	['@some', ['ship1', 'alice'], ['unproven']],
	['client', ['client', 'alice', 'bob'], []],
	['client:*', ['alice', 'bob'], []],
	['client:alice', ['alice'], []],
	['local', ['local'], []],
	['*', ['ship1', 'ship2', 'client', 'alice', 'bob', 'local'], ['unproven']],
];
const groups = 'groups: {some: [ship1, client:alice]}\n';

for (const [word, allowed, more] of rows) {
	test(`a rule for ${word} covers all that the documentation says, and no other`, (t) => {
		const allowing = accessOf(t, `${groups}rules: [{from: '${word}', method: REQPing}]\n`).access;
		// Each caller is allowed by its own name as well: a deny by any word decides.
		const own = ['ship1', 'ship2', 'client', 'client:alice', 'client:bob', 'local'].map((from) => {
			return `  - {from: '${from}', method: REQPing}\n`;
		});
		const deny = `  - {from: '${word}', method: REQPing, effect: deny}\n`;
		const denying = accessOf(t, `${groups}rules:\n${own.join('')}${deny}`).access;
		for (const [name, caller] of Object.entries(callers)) {
			const who = name as Who;
			const isAllowed = allowed.includes(who) || who === 'local';
			assert.equal(allowing.decide(caller, ping).isAllowed, isAllowed, name);
			const isDenied = allowed.includes(who) || more.includes(who);
			const { why } = denying.decide(caller, ping);
			assert.equal(why.endsWith('is denied REQPing'), isDenied, name);
		}
	});
}

test('the table of the help and of the documentation has these words', () => {
	const words = callerWords.map(([word]) => word);
	assert.deepEqual(words, [
		'NODE',
		'node:*',
		'@GROUP',
		'client',
		'client:*',
		'client:NAME',
		'local',
		'*',
	]);
	const table = callerWords.map(([word, covers]) => `| \`${word}\` | ${covers} |\n`).join('');
	assert.ok(readFileSync('docs/steward.md', 'utf8').includes(table), table);
});

test('where signatures are required, only a rule for client opens a method to unsigned messages', (t) => {
	const { access } = accessOf(
		t,
		'rules:\n  - {from: client, method: REQHello}\n' +
			"  - {from: '*', method: REQPing}\n  - {from: client, method: REQNone}\n" +
			"  - {from: '*', method: REQNone, effect: deny}\n",
	);
	assert.ok(access.takesPublic({ method: 'REQHello', methodArgs: [] }));
	assert.ok(!access.takesPublic(ping));
	assert.ok(!access.takesPublic({ method: 'REQNone', methodArgs: [] }));
});

test('names that every object has are no groups, and rules that cannot be applied refuse', (t) => {
	for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
		for (const text of [
			`rules: [{from: '@${name}', method: REQPing}]`,
			`rules: [{from: ship1, method: REQPing, command: '@${name}'}]`,
		]) {
			assert.throws(() => parseRules(text, 'acl.yaml'), { code: 'bad_acl' }, text);
		}
	}
	const path = join(temporaryFolder(t), 'acl.yaml');
	writeFileSync(path, "rules: [{from: ship1, method: ping}, {from: ship1, method: '*'}]\n");
	const wireNameOf = () => {
		throw new Error('no registry');
	};
	const access = openAccess({ path, clock: steppedClock(), wireNameOf });
	assert.match(access.refusal(node('ship1'), ping) ?? '', /cannot be applied: no registry/);
});

test('a file that is there and cannot be read allows nothing', async (t) => {
	const { path, clock, access } = accessOf(t, 'rules: []\n');
	rmSync(path);
	mkdirSync(path);
	await clock.advance(1001);
	assert.match(access.refusal(node('ship1'), ping) ?? '', /no rule allows ship1 REQPing \(/);
	assert.throws(() => openAccess({ path, clock }), { code: 'bad_acl' });
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

test('a file that can no longer be understood is told, once for each fault', async (t) => {
	const { path, clock, access } = accessOf(t, 'rules: []\n');
	const told: string[] = [];
	access.onFailure((fault) => told.push(fault));
	const write = async (text: string) => {
		writeFileSync(path, text);
		await clock.advance(1001);
		for (let asked = 0; asked < 3; asked += 1) access.refusal(node('ship1'), ping);
	};
	await write('rules: [{from: ship1}]\n');
	await write('rules: [{from: ship1}]\n\n');
	assert.equal(told.length, 1);
	await write('rules: no\n');
	await write('rules: []\n');
	assert.equal(told.length, 2);
	await write(`rules: []${' '.repeat(1_048_576)}`);
	assert.match(told[2] ?? '', /more than 1048576 bytes/);
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
	const access = openAccess({ path, clock: steppedClock(), wireNameOf });
	assert.deepEqual(access.decide(node('central'), exec('uptime')), {
		isAllowed: true,
		why: 'central is allowed REQCliCommand',
		number: 1,
		rule: { from: 'central', method: 'exec', effect: 'allow' },
	});
	assert.equal(access.decide(node('ship1'), exec('uptime')).number, 2);
	assert.equal(access.decide(node('ship2'), exec('uptime')).number, undefined);
});

test('a link to rules that are gone allows nothing, and rules that can be read again are read', (t) => {
	const { access, path, clock } = accessOf(t, "rules:\n  - {from: '*', method: '*'}\n");
	const refusal = async () => {
		await clock.advance(1500);
		return access.refusal(node('ship1'), ping);
	};
	const steps = async () => {
		assert.equal(await refusal(), undefined);
		rmSync(path);
		symlinkSync(join(path, '..', 'gone', 'acl.yaml'), path);
		assert.match((await refusal()) ?? '', /no rule allows ship1|acl\.yaml/);
		rmSync(path);
		assert.equal(await refusal(), undefined, 'without a file all is allowed');
		mkdirSync(path);
		assert.match((await refusal()) ?? '', /no rule allows ship1/);
		rmSync(path, { recursive: true });
		writeFileSync(path, "rules:\n  - {from: '*', method: '*'}\n");
		assert.equal(await refusal(), undefined);
	};
	return steps();
});

test('groups in groups would cover no caller and are refused, among callers and commands', () => {
	for (const text of [
		'groups: {bad: ["@worse"], worse: [central]}',
		'commands: {a: ["@b"], b: [ls]}',
	]) {
		assert.throws(() => parseRules(`${text}\nrules: []\n`, 'acl.yaml'), {
			code: 'bad_acl',
			message: /has the group @\w+ in it/,
		});
	}
});

test('rules that could not be read again are not written', (t) => {
	const { access, path } = accessOf(t, 'rules: []\n');
	const change = (rules: AccessRules) => access.change(() => rules);
	const text = 'a: - '.repeat(500);
	change({
		groups: {},
		commands: {},
		rules: [{ from: 'central', method: '*', effect: 'deny', command: [text] }],
	});
	assert.equal(access.fault(), '');
	assert.equal(access.rules()?.rules.length, 1);
	const before = readFileSync(path, 'utf8');
	const bad = { groups: { a: ['@b'] }, commands: {}, rules: [] };
	assert.throws(() => change(bad), { code: 'bad_acl' });
	assert.equal(readFileSync(path, 'utf8'), before);
});

test('by the first rules central and clients may do everything, and other nodes greet and report', (t) => {
	const keysFolder = join(temporaryFolder(t), 'keys');
	const config = { keysFolder, signing: 'on', centralNodeName: 'central' } as const;
	for (const other of ['off', 'required'] as const) {
		assert.equal(writeFirstRules({ ...config, signing: other }), undefined);
	}
	assert.equal(writeFirstRules({ ...config, keysFolder: '' }), undefined);
	const path = join(keysFolder, 'acl.yaml');
	assert.equal(existsSync(path), false);
	assert.match(writeFirstRules(config) ?? '', /central and MQTT clients.*greet and report/);
	assert.equal(statSync(path).mode & 0o777, 0o600);
	const access = openAccess({ path, clock: steppedClock() });
	const may = (caller: Caller, method: string) =>
		access.decide(caller, { method, methodArgs: ['x'] }).isAllowed;
	const methods = ['REQCliCommand', 'REQHello', 'REQErrorLog', 'replyTopic'];
	const allowed = (caller: Caller) => methods.filter((method) => may(caller, method));
	assert.deepEqual(allowed({ kind: 'node', name: 'central' }), methods);
	assert.deepEqual(allowed({ kind: 'client' }), methods);
	assert.deepEqual(allowed({ kind: 'node', name: 'ship1' }), ['REQHello', 'REQErrorLog']);
	assert.deepEqual(allowed({ kind: 'unproven', name: 'ship1' }), []);
	assert.deepEqual(allowed({ kind: 'unproven', name: 'central' }), []);
	const text = readFileSync(path, 'utf8');
	assert.match(text, /^# .*Remove it/m);
	writeFileSync(path, `${text}# mine\n`);
	assert.equal(writeFirstRules(config), undefined, 'rules that are there stay');
	assert.match(readFileSync(path, 'utf8'), /# mine/);
});
