import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { mosquittoAcl } from '../../../../transports/cli/templates/mosquitto-acl.ts';
import { withTwoDashes } from '../../../../transports/cli/arguments/steward-arguments.ts';
import { systemdUnit } from '../../../../transports/cli/templates/systemd-unit.ts';
import { missing, startMosquitto } from '../../../support/broker.ts';
import { runReeve } from '../../../support/command-line.ts';
import { createContext } from '../../../support/transport-context.ts';
import mqtt from '../../../../transports/mqtt/mqtt.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { execFileSync } from 'node:child_process';

test('long flags with one dash are taken as steward takes them, and short ones are left alone', () => {
	const words = ['run', '-nodeName=central', '-brokerAddress=10.0.0.1:1883', '-o', 'json', '-h'];
	assert.deepEqual(withTwoDashes(words), [
		'run',
		'--nodeName=central',
		'--brokerAddress=10.0.0.1:1883',
		'-o',
		'json',
		'-h',
	]);
	assert.deepEqual(withTwoDashes(['-startSubREQErrorLog', 'true', '--nodeName=a', '-nodename=a']), [
		'--startSubREQErrorLog',
		'true',
		'--nodeName=a',
		'-nodename=a',
	]);
});

test("the flags of steward's complete example are taken, kept, and told with their sources", async (t) => {
	const cwd = temporaryFolder(t);
	const words = [
		'-nodeName=ship1',
		'-defaultMessageRetries=3',
		'-defaultMessageTimeout=5',
		'-subscribersDataFolder=./data',
		'-centralNodeName=central',
		'-startSubREQErrorLog=true',
		'-startPubREQHello=200',
	];
	const { code, stdout } = await runReeve(['config', 'show', ...words], { cwd });
	assert.equal(code, 0);
	assert.match(stdout, /^nodeName +ship1 +--nodeName$/m);
	assert.match(stdout, /^startPubREQHello +200 +--startPubREQHello$/m);
	assert.match(stdout, /^defaultMessageRetries +3 +--defaultMessageRetries$/m);
});

test('flags that are about NATS are taken with a remark that names their counterpart', async (t) => {
	const cwd = temporaryFolder(t);
	const file = join(cwd, 'config.yaml');
	writeFileSync(file, 'nodeName: ship1\nnatsConnectRetryInterval: 10\n');
	const words = ['-configFolder=.', '-nkeySeedFile=seed.txt', '-brokerAddress=127.0.0.1:4222'];
	const { code, stdout, stderr } = await runReeve(['config', 'check', ...words], { cwd });
	assert.deepEqual([code, stdout], [0, 'config.yaml: no problems\n']);
	assert.match(stderr, /config\.yaml:2: natsConnectRetryInterval .*resendMsMin/);
	assert.match(stderr, /--nkeySeedFile: .*brokerUser.*reeve keys/);
	assert.match(stderr, /4222 is where NATS/);
});

test('a nats:// address is an error that says what to write, with the line of the file', async (t) => {
	const cwd = temporaryFolder(t);
	writeFileSync(join(cwd, 'config.yaml'), '\nbrokerAddress: nats://me:secret@10.0.0.124:4222\n');
	const { code, stderr } = await runReeve(['config', 'check', '-configFolder=.'], { cwd });
	assert.equal(code, 2);
	assert.match(stderr, /config\.yaml:2: brokerAddress .*write mqtt:\/\/HOST:1883/);
	assert.ok(!stderr.includes('secret'));
});

test('passwords are stars in what config show prints', async (t) => {
	const env = { REEVE_BROKER_PASSWORD: 'hush-hush', REEVE_BROKER_ADDRESS: 'mqtt://me:hush@host:1' };
	for (const format of ['table', 'json', 'yaml']) {
		const words = ['config', 'show', '-o', format];
		const { code, stdout } = await runReeve(words, { cwd: temporaryFolder(t), env });
		assert.equal(code, 0);
		assert.ok(!stdout.includes('hush'), format);
		assert.match(stdout, /brokerPassword[^*]+\*{8}/);
	}
});

test('keys are made, trusted, listed and revoked; rules likewise', async (t) => {
	const cwd = temporaryFolder(t);
	const run = (...words: string[]) => runReeve(words, { cwd });
	const key = (await run('keys', 'new')).stdout.trim();
	assert.equal((await run('keys', 'show')).stdout.trim(), key);
	assert.match((await run('keys', 'trust', 'ship1', key)).stdout, /^trusted: ship1/);
	assert.match((await run('keys', 'list')).stdout, /^node +ship1 +ed25519:/m);
	assert.equal((await run('keys', 'revoke', 'ship1')).code, 0);
	assert.equal((await run('keys', 'revoke', 'ship1')).code, 3);
	assert.equal((await run('keys', 'trust', 'ship1', 'nonsense')).code, 2);
	const allow = ['acl', 'allow', 'ship1', 'REQCliCommand'];
	assert.equal((await run(...allow, '--', 'df', '-h')).code, 2, 'ship1 is not known any more');
	assert.equal((await run(...allow, '--yes', '--', 'df', '-h')).code, 0);
	assert.match((await run('acl', 'list')).stdout, /^allow +ship1 +REQCliCommand +df -h$/m);
	const exported = (await run('acl', 'export')).stdout;
	writeFileSync(join(cwd, 'rules.yaml'), exported);
	assert.equal((await run('acl', 'remove', 'ship1', 'REQCliCommand')).code, 2, 'the last rule');
	assert.equal((await run('acl', 'remove', 'ship1', 'REQCliCommand', '--yes')).code, 0);
	assert.equal((await run('acl', 'import', 'rules.yaml', '--yes')).code, 0);
	assert.equal((await run('acl', 'export')).stdout, exported);
	assert.match(readFileSync(join(cwd, 'etc', 'keys', 'acl.yaml'), 'utf8'), /REQCliCommand/);
});

test('a message of a person is signed on the command line', async (t) => {
	const cwd = temporaryFolder(t);
	await runReeve(['keys', 'new', 'alice'], { cwd });
	const words = ['keys', 'sign', 'alice', 'reeve/ship1/REQPing/EventACK'];
	const input = '{"id": "job-1"}';
	const { code, stdout } = await runReeve(words, { cwd, input });
	assert.equal(code, 0);
	assert.match(stdout, /^reeve-signature: 1 alice \d+ [\w-]{86}\n\{"id": "job-1"\}\n$/);
	const beside = await runReeve([...words, '--properties', '--response-topic', 'a/b'], {
		cwd,
		input,
	});
	assert.match(beside.stdout, /^reeve-by alice\nreeve-count \d+\nreeve-signature [\w-]{86}\n$/);
	assert.equal((await runReeve(words, { cwd, input: '{"note": "no id"}' })).code, 2);
});

test('clock jumps: the numbers of signed messages rise although the clock was set back', async (t) => {
	const cwd = temporaryFolder(t);
	await runReeve(['keys', 'new', 'alice'], { cwd });
	// As a clock in the year 2096 would have left it.
	writeFileSync(join(cwd, 'etc', 'keys', 'people', 'alice.count'), '4000000000000');
	const words = ['keys', 'sign', 'alice', 'reeve/ship1/REQPing/EventACK'];
	for (const count of [4_000_000_000_001, 4_000_000_000_002]) {
		const { stdout } = await runReeve(words, { cwd, input: '{"id": "job-1"}' });
		assert.equal(stdout.split(' ')[3], String(count));
	}
});

test(
	"with the printed permissions nodes can work with central, and not in each other's name",
	{ skip: missing('mosquitto'), timeout: 20_000 },
	async (t) => {
		const folder = temporaryFolder(t);
		const passwords = join(folder, 'passwords');
		writeFileSync(passwords, '', { mode: 0o600 });
		for (const user of ['central', 'ship1', 'ship2']) {
			execFileSync('mosquitto_passwd', ['-b', passwords, user, 'word']);
		}
		const fleet = { prefix: 'reeve', central: 'central', nodes: ['ship1', 'ship2'] };
		const broker = await startMosquitto(t, {
			acl: mosquittoAcl(fleet),
			lines: ['allow_anonymous false', `password_file ${passwords}`],
		});
		const start = async (nodeName: string) => {
			const login = { brokerUser: nodeName, brokerPassword: 'word' };
			const noted = createContext({ nodeName, brokerAddress: broker.address, ...login });
			const running = await mqtt.start(noted.context);
			t.after(() => running.stop());
			await noted.link.first();
			const [wire] = noted.wires;
			assert.ok(wire, nodeName);
			const publish = (topic: string) =>
				wire.publish({ topic, payload: Buffer.from(topic), qos: 1, retain: false });
			return { ...noted, publish };
		};
		const [central, ship1, ship2] = [
			await start('central'),
			await start('ship1'),
			await start('ship2'),
		];
		await central.publish('reeve/ship2/_lane/REQPing/EventACK');
		await ship2.packets.count(1);
		// Mosquitto acknowledges what it drops; so something allowed is sent behind it.
		await ship1.publish('reeve/ship2/_lane/REQCliCommand/CommandACK');
		await ship1.publish('reeve/ship2/_status');
		await ship1.publish('reeve/central/_lane/REQPing/EventACK');
		await ship1.publish('reeve/central/_ack');
		await central.packets.count(2);
		await central.publish('reeve/ship2/_ack');
		await ship2.packets.count(2);
		assert.deepEqual(
			ship2.packets.all.map(({ topic }) => topic),
			['reeve/ship2/_lane/REQPing/EventACK', 'reeve/ship2/_ack'],
		);
	},
);

test('the unit for systemd starts the node with its folder, and waits longer than a stop takes', () => {
	const command = ['/usr/bin/node', '/opt/reeve with blank/main.js'];
	const unit = systemdUnit({ command, configFolder: '/etc/reeve', stopTimeout: 5 });
	assert.match(unit, /^ExecStart=\/usr\/bin\/node "\/opt\/reeve with blank\/main\.js" run$/m);
	assert.match(unit, /^Environment=CONFIG_FOLDER=\/etc\/reeve$/m);
	assert.match(unit, /^TimeoutStopSec=20$/m);
	assert.match(unit, /^Restart=always$/m);
});
