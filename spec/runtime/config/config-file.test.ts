import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
	configDoc,
	configJsonSchema,
	configKeys,
	kebabCase,
	keepConfig,
	readConfig,
	variableOf,
} from '../../../runtime/config/config-file.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { nearestWord } from '../../../runtime/text/spelling.ts';
import { readLogin } from '../../../transports/mqtt/broker-login.ts';
import { runScript } from '../../support/scripts.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Says what is wrong with a configuration. */
function complaint(run: () => unknown): string {
	try {
		run();
	} catch (thrown) {
		assert.ok(thrown instanceof ReeveError);
		assert.equal(thrown.code, 'bad_config');
		return thrown.detail;
	}
	assert.fail('nothing was wrong');
}

test('flags win over the environment, the environment over the file, the file over defaults', (t) => {
	const folder = temporaryFolder(t);
	const text = 'nodeName: file\ncentralNodeName: file\nsocketFolder: file\n';
	writeFileSync(join(folder, 'config.yaml'), text);
	const environment = { REEVE_NODE_NAME: 'env', REEVE_CENTRAL_NODE_NAME: 'env' };
	const { config, origins } = readConfig({ folder, environment, flags: { nodeName: 'flag' } });
	assert.deepEqual(
		[config.nodeName, config.centralNodeName, config.socketFolder, config.databaseFolder],
		['flag', 'env', 'file', './var/lib'],
	);
	assert.deepEqual(origins.nodeName, { source: 'flag', place: '--nodeName' });
	assert.equal(origins.centralNodeName.place, 'REEVE_CENTRAL_NODE_NAME');
	assert.equal(origins.socketFolder.place, `${join(folder, 'config.yaml')}:3`);
	assert.equal(origins.databaseFolder.source, 'default');
});

test('the first start creates a file with every key and its meaning, which reads as the defaults and signs', (t) => {
	const folder = join(temporaryFolder(t), 'etc');
	const { path } = keepConfig({ folder });
	const text = readFileSync(path, 'utf8');
	for (const key of configKeys) {
		assert.match(text, new RegExp(`^${key}: `, 'm'));
		assert.ok(text.includes(`# ${configDoc(key).meaning}`));
	}
	const { config } = readConfig({ folder });
	for (const key of configKeys) {
		// Where keys are kept follows from where the file is.
		const first: Partial<Record<string, unknown>> = {
			keysFolder: join(folder, 'keys'),
			signing: 'on',
		};
		assert.deepEqual(config[key], first[key] ?? configDoc(key).default, key);
	}
	assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a new node signs, and one whose journal or configuration is there goes on as it did', (t) => {
	const folder = temporaryFolder(t);
	const databaseFolder = join(folder, 'db');
	const flags = { databaseFolder };
	const first = join(folder, 'first');
	assert.equal(keepConfig({ folder: first, flags }).config.signing, 'on');
	assert.equal(keepConfig({ folder: first }).config.signing, 'on', 'it is in the file');
	const off = { ...flags, signing: 'off' };
	assert.equal(keepConfig({ folder: join(folder, 'off'), flags: off }).config.signing, 'off');
	const environment = { REEVE_SIGNING: 'required' };
	const places = { folder: join(folder, 'environment'), flags, environment };
	assert.equal(keepConfig(places).config.signing, 'required');
	mkdirSync(databaseFolder);
	writeFileSync(join(databaseFolder, 'data.mdb'), '');
	assert.equal(keepConfig({ folder: join(folder, 'old'), flags }).config.signing, 'off');
});

test('a password that is given as text is moved into a file for its owner only, and not repeated', (t) => {
	const given = [
		{ brokerAddress: 'mqtt://host:1883', brokerUser: 'me', brokerPassword: 's3cret-word' },
		{ brokerAddress: 'mqtt://me:s3cret-word@host:1883' },
	];
	for (const values of given) {
		for (const isFlag of [true, false]) {
			const folder = temporaryFolder(t);
			const path = join(folder, 'config.yaml');
			const lines = Object.entries(values).map((pair) => `${pair.join(': ')}\n`);
			if (!isFlag) writeFileSync(path, `# mine\n${lines.join('')}`);
			const { config, remarks } = keepConfig({ folder, ...(isFlag ? { flags: values } : {}) });
			const file = join(folder, 'keys', 'broker.password');
			assert.equal(readFileSync(file, 'utf8'), 's3cret-word\n');
			assert.equal(statSync(file).mode & 0o777, 0o600);
			assert.doesNotMatch(readFileSync(path, 'utf8'), /s3cret/);
			assert.doesNotMatch(JSON.stringify([config, remarks]), /s3cret/);
			const again = keepConfig({ folder });
			assert.equal(again.config.brokerAddress, 'mqtt://host:1883');
			const { username, password } = readLogin(again.config);
			assert.deepEqual([username, password], ['me', 's3cret-word']);
		}
	}
	const folder = temporaryFolder(t);
	const environment = { REEVE_BROKER_PASSWORD: 's3cret-word' };
	assert.equal(keepConfig({ folder, environment }).config.brokerPassword, 's3cret-word');
	assert.equal(existsSync(join(folder, 'keys', 'broker.password')), false);
});

test('reading alone creates nothing', (t) => {
	const folder = join(temporaryFolder(t), 'etc');
	readConfig({ folder });
	assert.equal(existsSync(folder), false);
});

test('a flag is needed only once; a variable of the environment is not kept', (t) => {
	const folder = temporaryFolder(t);
	const environment = { REEVE_TOPIC_PREFIX: 'from-env' };
	keepConfig({ folder, environment, flags: { nodeName: 'ship1', callsMax: '3' } });
	const { config } = readConfig({ folder });
	assert.deepEqual([config.nodeName, config.callsMax, config.topicPrefix], ['ship1', 3, 'reeve']);
});

test('flags of several starts at once are all kept', { timeout: 60_000 }, async (t) => {
	const folder = temporaryFolder(t);
	keepConfig({ folder });
	const keys = ['lanesMax', 'clientsMax', 'errorReportsPerMinuteMax'];
	const script = (key: string) => `
		import { keepConfig } from './runtime/config/config-file.ts';
		const folder = ${JSON.stringify(folder)};
		for (let at = 1; at <= 20; at += 1) keepConfig({ folder, flags: { ${key}: at } });`;
	await Promise.all(keys.map((key) => runScript(script(key))));
	const { config } = readConfig({ folder });
	assert.deepEqual(
		[config.lanesMax, config.clientsMax, config.errorReportsPerMinuteMax],
		[20, 20, 20],
	);
});

test('comments, order, quotes and layout of a file survive a flag that changes a value in it', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	const text = '# mine\ncallsMax:   4   # few\n\n\nnodeName: "old"\ntopicPrefix:\nlogLevel: warn\n';
	writeFileSync(path, text);
	keepConfig({ folder, flags: { nodeName: 'new', topicPrefix: 'fleet', resendMsMin: '50' } });
	const lines = readFileSync(path, 'utf8').split('\n');
	const expected = text.replace('"old"', 'new').replace('topicPrefix:', 'topicPrefix: fleet');
	assert.deepEqual(lines.slice(0, 7), expected.split('\n').slice(0, 7));
	const { config } = readConfig({ folder });
	assert.deepEqual(
		[config.nodeName, config.topicPrefix, config.callsMax, config.resendMsMin],
		['new', 'fleet', 4, 50],
	);
});

test('a start that changes nothing does not touch the file', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	writeFileSync(path, '{nodeName: ship1, callsMax: 4}   # in one line');
	const before = statSync(path).ino;
	keepConfig({ folder, flags: { nodeName: 'ship1', callsMax: '4' } });
	assert.equal(statSync(path).ino, before);
});

test('a file in one line keeps its values when a flag adds one', (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'config.yaml'), '{nodeName: ship1}\n');
	keepConfig({ folder, flags: { callsMax: '4' } });
	const { config } = readConfig({ folder });
	assert.deepEqual([config.nodeName, config.callsMax], ['ship1', 4]);
});

test('a wrong value is reported with its key, its file and its line', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	writeFileSync(path, '# one\nnodeName: ship1\ncallsMax: many\n');
	const text = complaint(() => readConfig({ folder }));
	assert.ok(text.includes(`${path}:3`) && text.includes('callsMax'), text);
	const flag = complaint(() => readConfig({ folder, flags: { callsMax: 'x' } }));
	assert.ok(flag.includes('--callsMax'), flag);
	const environment = { REEVE_CALLS_MAX: '0' };
	const variable = complaint(() => readConfig({ folder, environment }));
	assert.ok(variable.includes('REEVE_CALLS_MAX'), variable);
});

test('a number is neither true nor an empty word, however coercion would read them', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	for (const value of ['true', '""', '" "', '[]', '1.5']) {
		writeFileSync(path, `startPubREQHello: ${value}\n`);
		assert.ok(complaint(() => readConfig({ folder })).includes('startPubREQHello'), value);
	}
});

test('an unknown key is reported with its line and with the key that may be meant', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	writeFileSync(path, 'nodeName: a\nbrokerAdress: mqtt://b\n');
	const text = complaint(() => readConfig({ folder }));
	assert.ok(text.startsWith(`${path}:2`) && text.includes('brokerAddress'), text);
});

test('a file that is no YAML, or no list of keys, is reported and left as it is', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'config.yaml');
	for (const text of ['nodeName: "a\n', '- a\n- b\n', 'word\n', 'a: 1\na: 2\n']) {
		writeFileSync(path, text);
		complaint(() => keepConfig({ folder, flags: { nodeName: 'b' } }));
		assert.equal(readFileSync(path, 'utf8'), text);
	}
});

test('a folder that cannot be written is an error of the configuration, not a crash', (t) => {
	const file = join(temporaryFolder(t), 'file');
	writeFileSync(file, '');
	complaint(() => keepConfig({ folder: join(file, 'etc') }));
});

test('keys have a kebab case and a variable, no two of them the same', () => {
	assert.equal(kebabCase('startSubREQCliCommand'), 'start-sub-req-cli-command');
	assert.equal(variableOf('startSubREQToFileAppend'), 'REEVE_START_SUB_REQ_TO_FILE_APPEND');
	assert.equal(variableOf('nodeName'), 'REEVE_NODE_NAME');
	assert.equal(new Set(configKeys.map(kebabCase)).size, configKeys.length);
	assert.equal(new Set(configKeys.map(variableOf)).size, configKeys.length);
});

test('the JSON Schema for editors names every key, and asks for none of them', () => {
	const schema: { properties?: object; required?: string[] } = configJsonSchema();
	assert.deepEqual(Object.keys(schema.properties ?? {}), [...configKeys]);
	assert.equal(schema.required, undefined);
});

test('the nearest word is found over one slip, and nothing is guessed over many', () => {
	assert.equal(nearestWord('nodes', ['nodes', 'nodeName']), 'nodes');
	assert.equal(nearestWord('nodname', ['brokerAddress', 'nodeName']), 'nodeName');
	assert.equal(nearestWord('NODENAME', ['nodeName']), 'nodeName');
	assert.equal(nearestWord('zzz', ['nodeName', 'callsMax']), undefined);
});

test('a node is new while it has no journal, if its configuration is made now or is an invitation', (t) => {
	const folder = temporaryFolder(t);
	const databaseFolder = join(folder, 'db');
	const centralKey = `ed25519:${'x'.repeat(43)}`;
	let calls = 0;
	const isNew = (name: string, text?: string) => {
		const before = calls;
		const place = join(folder, name);
		if (text !== undefined) {
			mkdirSync(place, { recursive: true });
			writeFileSync(join(place, 'config.yaml'), text);
		}
		const { remarks } = keepConfig({ folder: place, flags: { databaseFolder } }, (config) => {
			calls += 1;
			assert.equal(config.signing, 'on');
			return 'a remark';
		});
		assert.equal(remarks.includes('a remark'), calls > before);
		return calls > before;
	};
	assert.equal(isNew('made'), true);
	assert.equal(isNew('made'), false, 'its second start');
	const invited = `signing: on\ncentralKey: ${centralKey}\ndatabaseFolder: ${databaseFolder}\n`;
	assert.equal(isNew('invited', invited), true);
	assert.equal(isNew('invited'), true, 'its first start has failed');
	assert.equal(isNew('by-hand', 'signing: on\n'), false);
	mkdirSync(databaseFolder);
	writeFileSync(join(databaseFolder, 'data.mdb'), '');
	assert.equal(isNew('invited'), false);
});

test('a first start that dies before the configuration is written is followed by another one', (t) => {
	const places = { folder: join(temporaryFolder(t), 'etc') };
	const fail = () => {
		throw new Error('no space');
	};
	assert.throws(() => keepConfig(places, fail), /no space/);
	let isNew = false;
	keepConfig(places, () => void (isNew = true));
	assert.ok(isNew);
});
