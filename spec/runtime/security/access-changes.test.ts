import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
	changeAccess,
	unknownNames,
	type KnownNames,
	type RuleChange,
} from '../../../runtime/security/access-changes.ts';
import { openAccess, parseRules } from '../../../runtime/security/access-rules.ts';
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

function accessOf(t: TestScope, text?: string) {
	const path = join(temporaryFolder(t), 'acl.yaml');
	if (text !== undefined) writeFileSync(path, text);
	const clock = steppedClock();
	const access = openAccess(path, clock, names.wireNameOf);
	const administrator = { node: 'central', isProven: true };
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
