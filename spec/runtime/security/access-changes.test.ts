import assert from 'node:assert/strict';
import {
	existsSync,
	mkdirSync,
	readFileSync,
	rmdirSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
	changeAccess,
	unknownNames,
	type RuleChange,
} from '../../../runtime/security/access-changes.ts';
import { administratorOf } from '../../../runtime/security/authorization.ts';
import { openAccess, parseRules, type KnownNames } from '../../../runtime/security/access-rules.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const wireNames: Readonly<Record<string, string>> = {
	exec: 'REQCliCommand',
	REQCliCommand: 'REQCliCommand',
	ping: 'REQPing',
	REQPing: 'REQPing',
};
const names: KnownNames = {
	wireNameOf: (text) => wireNames[text],
	methods: () => Object.keys(wireNames),
	nodes: () => ['central', 'ship1', 'ship2'],
	clients: () => ['alice'],
};
const openFleet = "rules:\n  - {from: central, method: '*'}\n";

type Signing = Parameters<typeof administratorOf>[0]['signing'];

/** What is known of central on ship1. */
interface Given {
	readonly signing?: Signing;
	readonly isTrusted?: boolean;
}

function accessOf(t: TestScope, text?: string, { signing = 'on', isTrusted = true }: Given = {}) {
	const path = join(temporaryFolder(t), 'acl.yaml');
	if (text !== undefined) writeFileSync(path, text);
	const clock = steppedClock();
	const access = openAccess({ path, clock, wireNameOf: names.wireNameOf });
	const list = () => (isTrusted ? [{ kind: 'node', name: 'central', key: '' } as const] : []);
	const ofNode = { nodeName: 'ship1', centralNodeName: 'central', signing };
	const administrator = administratorOf(ofNode, { list });
	const change = (what: RuleChange, isConfirmed = false) =>
		changeAccess(access, what, { names, administrator, isConfirmed });
	return { path, clock, access, change };
}

const allow = (from: string, method: string, ...command: string[]): RuleChange => ({
	what: 'allow',
	from,
	method,
	command,
});
const deny = (from: string, method: string, ...command: string[]): RuleChange => ({
	what: 'deny',
	from,
	method,
	command,
});
const ping = { method: 'REQPing', methodArgs: [] };

test('a method is known by each of its names, and its rule has its wire name', (t) => {
	const { access, change } = accessOf(t, openFleet);
	change(deny('central', 'exec'));
	assert.deepEqual(access.rules()?.rules.at(-1), {
		from: 'central',
		method: 'REQCliCommand',
		effect: 'deny',
	});
	change({ what: 'remove', from: 'central', method: 'exec' });
	assert.equal(access.rules()?.rules.length, 1);
});

test('the right to have outcomes published is given like that to call a method', (t) => {
	const { access, change } = accessOf(t, openFleet);
	change(allow('client:alice', 'replyTopic', 'alice/#'));
	assert.deepEqual(access.rules()?.rules[1], {
		from: 'client:alice',
		method: 'replyTopic',
		command: ['alice/#'],
		effect: 'allow',
	});
	change({ what: 'remove', from: 'client:alice', method: 'replyTopic' });
	assert.equal(access.rules()?.rules.length, 1);
});

test('methods, nodes, clients and groups that are not known are refused, and nothing changes', (t) => {
	const { path, change } = accessOf(t, openFleet);
	const refused: readonly (readonly [RuleChange, string, RegExp])[] = [
		[deny('ship1', 'REQCliComand'), 'unknown_method', /did you mean REQCliCommand/],
		[deny('shp1', 'exec'), 'unknown_node', /did you mean ship1/],
		[allow('client:alise', 'ping'), 'unknown_node', /did you mean client:alice/],
		[allow('@fleet', 'ping'), 'bad_acl', /no group @fleet/],
		[allow('ship1', 'exec', '@look'), 'bad_acl', /no group @look/],
		[
			{ what: 'import', rules: parseRules('groups: {fleet: [ship9]}', 'here') },
			'unknown_node',
			/ship9/,
		],
		[
			{ what: 'import', rules: parseRules('rules: [{from: ship1, method: pong}]', 'here') },
			'unknown_method',
			/pong/,
		],
		[{ what: 'remove', from: 'ship1', method: 'ping' }, 'not_found', /ship1/],
	];
	for (const [what, code, message] of refused) {
		assert.throws(() => change(what), { code, message }, JSON.stringify(what));
	}
	assert.equal(readFileSync(path, 'utf8'), openFleet);
	change(allow('ship9', 'ping'), true);
	assert.throws(() => change(allow('ship9', 'pong'), true), { code: 'unknown_method' });
	const byHand = parseRules(
		'rules: [{from: shp1, method: REQPong}, {from: ship1, method: ping}]',
		'',
	);
	assert.deepEqual(unknownNames(byHand, names), ['shp1', 'REQPong']);
});

test('a change that turns all calls from allowed to refused, or back, must be confirmed', (t) => {
	const { path, access, change } = accessOf(t);
	const unconfirmed = (what: RuleChange, message: RegExp) =>
		assert.throws(() => change(what), { code: 'unconfirmed', message });
	unconfirmed(allow('central', '*'), /only what a rule allows .*\(by central\)/);
	unconfirmed(
		deny('client', 'exec'),
		/by none of them.*central may then only change keys and rules/,
	);
	assert.equal(existsSync(path), false);
	change(allow('central', '*'), true);
	change(allow('ship1', 'ping'));
	change({ what: 'remove', from: 'ship1', method: 'ping' });
	unconfirmed({ what: 'remove', from: 'central', method: '*' }, /may call nothing.*acl clear/);
	unconfirmed(deny('central', '*'), /central may then only change/);
	unconfirmed({ what: 'import', rules: parseRules('rules: []', '') }, /may call nothing/);
	unconfirmed({ what: 'clear' }, /all nodes and MQTT clients may then call every method/);
	assert.equal(access.refusal({ kind: 'node', name: 'central' }, ping), undefined);
	change({ what: 'clear' }, true);
	assert.equal(existsSync(path), false);
	assert.equal(access.refusal({ kind: 'node', name: 'ship2' }, ping), undefined);
});

test('the opposite of a rule replaces it', (t) => {
	const { access, change } = accessOf(t, openFleet);
	change(allow('ship1', 'REQPing'));
	assert.equal(access.refusal({ kind: 'node', name: 'ship1' }, ping), undefined);
	change(deny('ship1', 'ping'));
	assert.equal(access.rules()?.rules.length, 2);
	assert.match(access.refusal({ kind: 'node', name: 'ship1' }, ping) ?? '', /denied/);
});

test('rules that cannot be read are not replaced by one rule', async (t) => {
	const { path, clock, access, change } = accessOf(t, openFleet);
	writeFileSync(path, `${openFleet}  - {from: ship1, methd: REQPing}\n`);
	await clock.advance(1001);
	assert.throws(() => change(allow('ship1', 'ping'), true), { code: 'bad_acl', message: /methd/ });
	change({ what: 'import', rules: parseRules(openFleet, 'here') });
	assert.equal(access.fault(), '');
});

test('one rule is removed, the one with these words, and never others of its pair', (t) => {
	const { access, change } = accessOf(
		t,
		`${openFleet}  - {from: ship1, method: exec, command: rm, effect: deny}\n` +
			'  - {from: ship1, method: REQCliCommand, command: systemctl status}\n' +
			"  - {from: ship1, method: exec, command: '@look'}\n" +
			'  - {from: ship1, method: REQCliCommand}\n' +
			'commands: {look: [uptime]}\n',
	);
	const remove = (from: string, ...command: string[]) =>
		change({ what: 'remove', from, method: 'exec', command });
	const rest = () =>
		access
			.rules()
			?.rules.slice(1)
			.map(({ command }) => command);
	assert.throws(() => change({ what: 'remove', from: 'ship1', method: 'exec' }), {
		code: 'bad_arguments',
		message: /deny ship1 exec -- rm; allow ship1 REQCliCommand -- systemctl status; /,
	});
	assert.throws(() => remove('ship1', 'ls'), {
		code: 'not_found',
		message: /deny ship1 exec -- rm/,
	});
	assert.throws(() => remove('ship1', 'systemctl'), { code: 'not_found' });
	assert.throws(() => remove('ship2', 'rm'), { code: 'not_found' });
	assert.equal(rest()?.length, 4);
	remove('ship1');
	assert.deepEqual(rest(), ['rm', 'systemctl status', '@look']);
	remove('ship1', 'systemctl', 'status');
	remove('ship1', '@look');
	assert.deepEqual(rest(), ['rm']);
	assert.match(access.refusal({ kind: 'local' }, ping) ?? 'allowed', /allowed/);
	change({ what: 'remove', from: 'ship1', method: 'exec' });
	assert.deepEqual(rest(), [], 'without words, if it is the only one');
});

test('a rule that was written by hand is replaced by the same one in other words', (t) => {
	const { access, change } = accessOf(
		t,
		`${openFleet}  - {from: ship1, method: exec, command: systemctl status, effect: deny}\n`,
	);
	change(allow('ship1', 'REQCliCommand', 'systemctl', 'status'));
	assert.equal(access.rules()?.rules.length, 2);
	const called = { method: 'REQCliCommand', methodArgs: ['systemctl', 'status'] };
	assert.equal(access.refusal({ kind: 'node', name: 'ship1' }, called), undefined);
});

test('what another process has changed meanwhile stays', (t) => {
	const { path, access, change } = accessOf(t, openFleet);
	const count = access.rules()?.rules.length;
	const other = openAccess({ path, clock: steppedClock(), wireNameOf: names.wireNameOf });
	other.change((before) => {
		assert.ok(before);
		return { ...before, rules: [...before.rules, { from: 'a', method: 'b', effect: 'deny' }] };
	});
	change(deny('ship1', 'ping'));
	assert.equal(count, 1);
	assert.deepEqual(
		access.rules()?.rules.map(({ from }) => from),
		['central', 'a', 'ship1'],
	);
});

test('a warning is what the rules decide afterwards, and what it advises helps', (t) => {
	const local = { kind: 'local' } as const;
	const barred = accessOf(t, openFleet);
	const all: RuleChange = deny('*', '*');
	assert.throws(() => barred.change(all), {
		code: 'unconfirmed',
		message: /central may then only [^(]*\(to let it call again: reeve acl remove '\*' '\*' --\)/,
	});
	assert.throws(() => barred.change(all), { message: /local is denied everything then/ });
	barred.change(all, true);
	assert.match(barred.access.refusal(local, ping) ?? '', /local is denied/);
	barred.change({ what: 'remove', from: '*', method: '*', command: [] });
	assert.equal(barred.access.refusal({ kind: 'node', name: 'central' }, ping), undefined);
	// One method after the other comes to the same.
	barred.change(deny('*', 'ping'));
	assert.throws(() => barred.change(deny('*', 'exec')), { message: /\(.*reeve acl clear\)/ });
});

test('no right to change keys and rules is promised to a central that cannot prove its name', (t) => {
	const first = allow('ship1', 'ping');
	const told = (change: RuleChange, given: Given): string => {
		try {
			accessOf(t, undefined, given).change(change);
		} catch (thrown) {
			return String(thrown);
		}
		return '';
	};
	assert.match(told(first, {}), /central may then only change keys and rules/);
	const untrusted = told(first, { isTrusted: false });
	assert.match(untrusted, /call nothing.*since no key of central is trusted here/);
	assert.match(untrusted, /again: reeve keys trust central KEY; reeve acl allow central '\*'\)/);
	assert.match(told(first, { signing: 'off', isTrusted: false }), /since signing is off/);
	// A rule for a name that is not proven allows nothing.
	const useless = told(allow('central', '*'), { isTrusted: false });
	assert.match(useless, /\(by none of them\)/);
	assert.match(useless, /again: reeve keys trust central KEY\)/);
	const denied = parseRules(
		`${openFleet}  - {from: client, method: ping}\n  - {from: '*', method: '*', effect: deny}\n`,
		'',
	);
	assert.match(told({ what: 'import', rules: denied }, {}), /\(by none of them\)/);
});

test('a word that can never name a caller is refused, also if it is confirmed', (t) => {
	const { change, access } = accessOf(t, openFleet);
	for (const from of ['a b', 'a\nb', 'client:', 'client:a b', 'ship*', '_x', '..']) {
		assert.throws(() => change(allow(from, 'ping'), true), { code: 'bad_name' }, from);
		const imported = { groups: { all: [from] }, commands: {}, rules: [] };
		assert.throws(() => change({ what: 'import', rules: imported }, true), { code: 'bad_name' });
	}
	assert.equal(access.rules()?.rules.length, 1);
	change(allow('ship9', 'ping'), true);
	change(allow('client:bob', 'ping'), true);
	assert.equal(access.rules()?.rules.length, 3);
});

test('a folder or a link in the place of the rules is told with its path, and not removed', (t) => {
	const { change, path } = accessOf(t);
	mkdirSync(path);
	assert.throws(() => change(allow('ship1', 'ping'), true), {
		code: 'bad_acl',
		detail: new RegExp(`${path}.*directory`),
	});
	assert.throws(() => change({ what: 'clear' }, true), {
		code: 'file_failed',
		detail: new RegExp(`${path} cannot be removed`),
	});
	rmdirSync(path);
	writeFileSync(`${path}.real`, openFleet);
	symlinkSync(`${path}.real`, path);
	change(allow('ship1', 'ping'), true);
	assert.match(readFileSync(`${path}.real`, 'utf8'), /ship1/);
	assert.throws(() => change({ what: 'clear' }, true), {
		code: 'file_failed',
		detail: /is a link/,
	});
	assert.ok(existsSync(`${path}.real`));
});
