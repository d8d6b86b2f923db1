/**
 * The files of an operator: configuration, definitions of actors, schedules, access rules and keys.
 * They are read by the functions that a node reads them with, one after the other.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileYamlDefinition } from '../../../actors/declarative/yaml-definition.ts';
import { configKeys, keepConfig, readConfig } from '../../../runtime/config/config-file.ts';
import { checkInput } from '../../../runtime/message/message.ts';
import { nextRun } from '../../../runtime/message/schedule.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { openAnyAccess, type Caller } from '../../../runtime/security/access-rules.ts';
import { openKeyring } from '../../../runtime/security/keyring.ts';
import { readYaml } from '../../../runtime/text/yaml.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { mutated, spliced } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { thermostatText } from '../fuzz-node.ts';
import { jsonOf, mutatedTree, treeOf } from '../value-mutation.ts';
import { textBeside, type Input, type OpenWay, type Way } from '../way.ts';
import { blockYaml, heavyYaml } from '../yaml-grammar.ts';

/** Runs it; errors of reeve are right, and everything else is not. */
function attempt(run: () => void): void {
	try {
		run();
	} catch (thrown) {
		if (!(thrown instanceof ReeveError) || thrown.code === 'internal') throw thrown;
	}
}

/** A way whose inputs are dealt with at once. */
function textWay(
	name: string,
	short: number,
	parts: {
		readonly input: (chance: Chance) => Input;
		/** Makes what takes an input, in a folder of its own. */
		readonly open: (folder: string) => {
			readonly take: (input: Input) => void;
			readonly good: () => void;
		};
	},
): Way {
	return {
		name,
		short,
		together: 10,
		isInTurn: true,
		input: parts.input,
		open(t): Promise<OpenWay> {
			const { take, good } = parts.open(temporaryFolder(t));
			const give: OpenWay['give'] = (input) => Promise.resolve(attempt(() => take(input)));
			const open = { give, good: () => Promise.resolve(good()), faults: () => [] };
			return Promise.resolve(open);
		},
	};
}

/** The text of a value as YAML or JSON, mutated as a value, as a text, or both. */
function textOf(chance: Chance, values: readonly unknown[]): Uint8Array {
	if (chance.happens(0.04)) return Buffer.from(heavyYaml(chance));
	const tree = treeOf(chance.pick(values));
	const changed = chance.happens(0.75) ? mutatedTree(tree, chance) : tree;
	const text = chance.happens(0.7) ? blockYaml(changed).trimStart() : jsonOf(changed);
	const bytes = Buffer.from(text);
	if (chance.happens(0.05)) return spliced(bytes, Buffer.from(heavyYaml(chance, 2000)), chance);
	return chance.happens(0.35) ? mutated(bytes, chance) : bytes;
}

const configs = [
	{ nodeName: 'ship1', brokerAddress: 'mqtt://user:secret@broker:1883', logLevel: 'debug' },
	{ signing: 'on', centralKey: `ed25519:${'a'.repeat(43)}`, takePublic: false, ttl: 1 },
	{ messageBytesMax: '4096', facts: 'role=db,site=oslo', mqttVersion: '3.1.1' },
	{ brokerPassword: 'secret', brokerUser: 'reeve', startSubREQPing: 'false' },
	{ tcpListener: '127.0.0.1:0', readFolder: './in', stopTimeout: 1.5, turnsKeptMax: 0 },
];

/** What an operator may have in the environment, or give as a flag. */
function configInput(chance: Chance): Input {
	const values = chance.happens(0.8)
		? configs
		: [Object.fromEntries(configKeys.map((key) => [key, chance.below(1000)]))];
	const about = {
		...(chance.happens(0.5) ? { isKept: true } : {}),
		...(chance.happens(0.2) ? { flags: { [chance.pick(configKeys)]: chance.pick(oddWords) } } : {}),
		...(chance.happens(0.2) ? { environment: { REEVE_NODE_NAME: chance.pick(oddWords) } } : {}),
	};
	return { bytes: textOf(chance, values), about };
}

const oddWords = ['', 'x', '-1', '1e9', 'true', '\0', 'é', '1:2', 'a=b', 'x'.repeat(5000)];

const configWay = textWay('configuration', 60, {
	input: configInput,
	open(folder) {
		const path = join(folder, 'config.yaml');
		// Files that keys name stay in the folder.
		const fixed = { keysFolder: folder, databaseFolder: folder, brokerPasswordFile: '' };
		const read = ({ about }: Pick<Input, 'about'>) => {
			const {
				flags = {},
				environment = {},
				isKept,
			} = about as {
				flags?: Record<string, unknown>;
				environment?: Record<string, string>;
				isKept?: boolean;
			};
			const places = { folder, flags: { ...flags, ...fixed }, environment };
			return isKept === true ? keepConfig(places) : readConfig(places);
		};
		return {
			take(input) {
				writeFileSync(path, input.bytes);
				const { config } = read(input);
				if (input.about['isKept'] !== true) return;
				// What was written must mean the same as what was read.
				const again = readConfig({ folder, flags: fixed });
				if (input.about['environment'] === undefined) assert.deepEqual(again.config, config);
			},
			good() {
				writeFileSync(path, 'nodeName: ship7 # mine\n');
				assert.equal(read({ about: {} }).config.nodeName, 'ship7');
			},
		};
	},
});

const thermostat = readYaml(thermostatText);
const definitions: readonly unknown[] = [
	thermostat,
	{
		actor: 'lamp',
		version: 2,
		events: { ON: { level: 'number', 'by?': 'text' }, OFF: null },
		context: { level: 0, list: [1, 2], nested: { a: { b: '=context.level' } } },
		migrations: { 1: { assign: { level: '=context.level * 2' } } },
		initial: 'off',
		states: {
			off: {
				on: {
					ON: { target: 'on', if: 'event.level > 0', do: [{ assign: { level: '=event.level' } }] },
				},
			},
			on: {
				after: { '10s': 'off', '=context.level * 1000': 'off' },
				always: [{ if: 'context.level < 0', target: 'off' }],
				entry: [{ send: { to: '=key', method: 'REQPing', args: ['=string(context.level)'] } }],
				exit: [{ raise: { type: 'OFF' } }, { log: 'level ${context.level}' }],
				on: { OFF: 'off' },
			},
		},
	},
	{
		actor: 'asker',
		version: 1,
		events: { GO: null },
		context: {},
		initial: 'idle',
		states: {
			idle: { on: { GO: 'asking' } },
			asking: {
				ask: { to: 'ship1', method: 'REQPing', timeout: '5s' },
				onDone: 'idle',
				onError: 'idle',
			},
			running: {
				run: { command: ['true'], timeout: '1s' },
				onDone: { target: 'idle', do: [{ reply: '=result' }] },
				onError: 'idle',
			},
		},
	},
];
const expressions = [
	'context.a + 1',
	'[1,2,3].map(x, x * 2).filter(x, x > 2)',
	'context.matches("(a+)+$")',
	'size(context) > 3 ? "a" : "b"',
	`${'('.repeat(500)}1${')'.repeat(500)}`,
	`${'!'.repeat(3000)}true`,
	`${'1+'.repeat(3000)}1`,
	`${'[1,2,3,4,5,6,7,8,9].map(a, '.repeat(8)}1${')'.repeat(8)}`,
	'"a" * 100',
	'context["__proto__"]',
	'context.constructor.constructor("return 1")()',
	'1/0',
	'9223372036854775807 + 1',
	'duration("1h")',
	'timestamp("x")',
	'has(event.x.y)',
	'event.?x.orValue(1)',
	'"\\ud800"',
];

/** A definition in which some texts are expressions. */
function definitionInput(chance: Chance): Input {
	const bytes = textOf(chance, definitions);
	if (chance.happens(0.7)) return { bytes, about: {} };
	const text = Buffer.from(bytes).toString();
	const places = [...text.matchAll(/=?(?:context|event)\.[\w. +*<>-]+/g)];
	if (places.length === 0) return { bytes, about: {} };
	const { index, 0: old } = chance.pick(places);
	const other = JSON.stringify(`=${chance.pick(expressions)}`);
	const changed = text.slice(0, index) + other + text.slice(index + old.length);
	return { bytes: Buffer.from(changed), about: {} };
}

const definitionWay = textWay('definitions', 50, {
	input: definitionInput,
	open(dataFolder) {
		const compile = (text: string) =>
			compileYamlDefinition({
				source: 'actor.yaml',
				text,
				node: 'central',
				dataFolder,
				notesFolder: join(dataFolder, 'notes'),
				outputBytesMax: 1000,
			});
		return {
			take: ({ bytes }) => void compile(Buffer.from(bytes).toString()),
			good: () => assert.equal(compile(thermostatText).name, 'thermostat'),
		};
	},
});

const schedules: readonly unknown[] = [
	'*/5 * * * *',
	'0 0 29 2 *',
	'59 59 23 31 12 *',
	'0 0 L * *',
	'0 0 * * 5#3',
	'0 0 15W * *',
	'@yearly',
	'every 10m for 2h',
	'every 999999999d',
	60,
	[60, 3600],
	{ every: 1, total: 2, times: 3, splay: 4 },
	{ cron: '0 12 * * 1-5', timezone: 'Europe/Oslo', times: 2 },
	{ cron: '30 2 * * *', timezone: 'America/New_York' },
];
const cronParts = [
	'*',
	'*/1',
	'0',
	'59',
	'1-5',
	'1,2,3',
	'*/0',
	'60',
	'L',
	'W',
	'5#5',
	'#',
	'-',
	'?',
];

function scheduleInput(chance: Chance): Input {
	const fields = Array.from({ length: 4 + chance.below(4) }, () => chance.pick(cronParts));
	const cron = fields.join(chance.pick([' ', '  ', '\t']));
	const made = chance.happens(0.4) ? { cron, timezone: chance.pick(['UTC', 'X', '']) } : cron;
	const schedule = chance.happens(0.5) ? chance.pick(schedules) : made;
	const tree = treeOf({ toNode: 'central', method: 'REQPing', schedule });
	const text = jsonOf(chance.happens(0.5) ? mutatedTree(tree, chance) : tree);
	const bytes = Buffer.from(text);
	return { bytes: chance.happens(0.4) ? mutated(bytes, chance) : bytes, about: {} };
}

const startMs = Date.UTC(2026, 0, 1);

/** The instants of its first runs, by a clock that goes on from each to the next. */
function firstRuns(input: unknown): readonly number[] {
	const { schedule } = checkInput(input);
	if (!schedule) return [];
	const runs: number[] = [];
	let now = startMs;
	for (let left = 5; left > 0; left -= 1) {
		const lastDue = runs.at(-1);
		const state = { startedAt: startMs, ...(lastDue === undefined ? {} : { lastDue }) };
		const due = nextRun(schedule, state, { storeMs: now, wallMs: now });
		if (due === undefined) break;
		assert.ok(Number.isFinite(due), `a run at ${due}`);
		assert.ok(lastDue === undefined || due > lastDue, 'a run is not after the one before');
		runs.push(due);
		now = Math.max(now, due);
	}
	return runs;
}

const scheduleWay = textWay('schedules', 150, {
	input: scheduleInput,
	open: () => ({
		take({ bytes }) {
			let value: unknown;
			try {
				value = JSON.parse(Buffer.from(bytes).toString());
			} catch {
				// What is no JSON is for the sockets to refuse.
				return;
			}
			firstRuns(value);
		},
		good() {
			const schedule = 'every 10m for 2h';
			assert.equal(firstRuns({ toNode: 'central', method: 'REQPing', schedule }).length, 5);
		},
	}),
});

const accessFiles: readonly unknown[] = [
	{
		groups: { fleet: ['ship1', 'ship2'], people: ['client:alice'] },
		commands: { look: ['uptime', ['df', '-h']] },
		rules: [
			{ from: 'central', method: '*' },
			{ from: '@fleet', method: 'REQCliCommand', command: '@look' },
			{ from: 'client:alice', method: 'ping' },
			{ from: 'ship2', method: 'REQCliCommand', effect: 'deny' },
			{ from: 'node:*', method: 'REQToFile', command: ['a', 'b'] },
			{ from: 'client:*', method: 'REQPing', command: 'a b' },
		],
	},
	{
		rules: [
			{ from: '*', method: '*' },
			{ from: 'local', method: 'x', effect: 'deny' },
		],
	},
	{ rules: [{ from: '@constructor', method: '__proto__' }] },
	{},
];
const callers: readonly Caller[] = [
	{ kind: 'local' },
	{ kind: 'node', name: 'ship1' },
	{ kind: 'unproven', name: 'ship2' },
	{ kind: 'client' },
	{ kind: 'client', name: 'alice' },
	{ kind: 'node', name: 'constructor' },
];

const accessWay = textWay('access-rules', 80, {
	input: (chance) => ({ bytes: textOf(chance, accessFiles), about: {} }),
	open(folder) {
		const path = join(folder, 'acl.yaml');
		const decide = () => {
			const access = openAnyAccess({
				path,
				clock: steppedClock(),
				wireNameOf: (name) => (name === 'ping' ? 'REQPing' : undefined),
			});
			for (const caller of callers) {
				for (const method of ['REQPing', 'REQCliCommand', '__proto__']) {
					access.decide(caller, { method, methodArgs: ['df', '-h'] });
					access.mayTakePublic(method);
				}
			}
			access.takesPublic({ method: 'REQPing', methodArgs: [] });
			return access;
		};
		return {
			take({ bytes }) {
				writeFileSync(path, bytes);
				const access = decide();
				// A file that cannot be understood allows nothing.
				if (access.fault() === '') return;
				const caller = { kind: 'node', name: 'ship1' } as const;
				assert.equal(access.decide(caller, { method: 'REQPing', methodArgs: [] }).isAllowed, false);
			},
			good() {
				writeFileSync(path, 'rules: [{from: ship1, method: ping}]\n');
				const caller = { kind: 'node', name: 'ship1' } as const;
				assert.ok(decide().decide(caller, { method: 'REQPing', methodArgs: [] }).isAllowed);
			},
		};
	},
});

const keyLines = [
	`ed25519:${'a'.repeat(43)}`,
	`ed25519:${'A'.repeat(42)}_ a comment`,
	'# a comment',
	'',
	'ed25519:x',
	`ed25519:${'-'.repeat(43)}`,
];

const keyWay = textWay('keys', 80, {
	input(chance) {
		const lines = Array.from({ length: chance.below(20) }, () => chance.pick(keyLines));
		const bytes = Buffer.from(lines.join(chance.pick(['\n', '\r\n', '\r'])));
		const file = chance.pick([
			'ship2.pub',
			'ship3.pub',
			'__proto__.pub',
			'.pub',
			'constructor.pub',
		]);
		const isOwn = chance.happens(0.1);
		const about = { file: isOwn ? '../own.pub' : file };
		return { bytes: chance.happens(0.8) ? mutated(bytes, chance) : bytes, about };
	},
	open(folder) {
		const nodes = join(folder, 'nodes');
		mkdirSync(nodes);
		const other = openKeyring({
			folder: join(folder, 'other'),
			node: 'ship1',
			clock: steppedClock(),
		});
		const signature = other.sign(Buffer.from('said'));
		writeFileSync(join(nodes, 'ship1.pub'), `${other.ownKey()}\n`);
		const verify = () => {
			const keyring = openKeyring({ folder, node: 'central', clock: steppedClock() });
			for (const file of readdirSync(nodes)) {
				const name = file.replace(/\.pub$/, '');
				keyring.knows({ kind: 'node', name });
				keyring.verify({ kind: 'node', name }, Buffer.from('x'), signature);
			}
			keyring.list();
			keyring.problems();
			const ship1 = { kind: 'node', name: 'ship1' } as const;
			assert.ok(keyring.verify(ship1, Buffer.from('said'), signature), 'a good key is not trusted');
		};
		return {
			take(input) {
				const path = join(nodes, textBeside(input, 'file') ?? 'x.pub');
				writeFileSync(path, input.bytes);
				try {
					verify();
				} finally {
					rmSync(path, { force: true });
				}
			},
			good() {
				verify();
				assert.ok(readFileSync(join(folder, 'other', 'own.pub'), 'utf8').startsWith('ed25519:'));
			},
		};
	},
});

/** The files of an operator. */
export const textWays: readonly Way[] = [configWay, definitionWay, scheduleWay, accessWay, keyWay];
