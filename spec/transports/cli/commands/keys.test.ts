import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../../../support/broker.ts';
import { runReeve, startReeve } from '../../../support/command-line.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

test(
	'a node on another machine is enrolled by an invitation, and one acceptance of its fingerprint',
	{ timeout: 240_000 },
	async (t) => {
		const [central, ship] = [temporaryFolder(t), temporaryFolder(t)];
		const listen = `127.0.0.1:${await freePort()}`;
		const first = startReeve(['run', '--nodeName', 'central', '--brokerListen', listen], {
			cwd: central,
		});
		t.after(() => first.child.kill('SIGKILL'));
		await first.until(/ready/);
		mkdirSync(join(ship, 'etc'));
		const config = join(ship, 'etc', 'config.yaml');
		const invite = ['keys', 'invite', 'ship1', '127.0.0.1', '--out', config];
		assert.equal((await runReeve(invite, { cwd: central })).stdout, '');
		const twice = await runReeve(invite, { cwd: central });
		assert.match(twice.stderr, /exists already/);
		const invited = readFileSync(config, 'utf8');
		assert.match(invited, /^centralKey: ed25519:/m);
		assert.equal(statSync(config).mode & 0o777, 0o600);
		const second = startReeve(['run'], { cwd: ship });
		t.after(() => second.child.kill('SIGKILL'));
		await second.until(/ready/);
		await first.until(/key\.pending/);
		const [password = 'none'] = /(?<=^brokerPassword: ).+/m.exec(invited) ?? [];
		assert.ok(password.length >= 43 && !readFileSync(config, 'utf8').includes(password));
		const kept = join(ship, 'etc', 'keys', 'broker.password');
		assert.equal(statSync(kept).mode & 0o777, 0o600);

		const nodes = await runReeve(['get', 'nodes'], { cwd: central });
		assert.match(nodes.stdout, /ship1 .*key not accepted/);
		const doctor = await runReeve(['doctor'], { cwd: central });
		assert.match(doctor.stdout, /not accepted yet: ship1 [0-9a-f]{16}[^]*reeve keys accept/);
		const unsure = await runReeve(['keys', 'accept', 'ship1'], { cwd: central });
		assert.match(unsure.stderr, /unconfirmed/);
		const shown = await runReeve(['keys', 'show'], { cwd: ship });
		const [print = ''] = /(?<=fingerprint )[0-9a-f]{16}/.exec(shown.stderr) ?? [];
		const accepted = await runReeve(['keys', 'accept', 'ship1', print], { cwd: central });
		assert.deepEqual([accepted.code, accepted.stdout], [0, `accepted: ship1 ${print}\n`]);
		const pending = await runReeve(['keys', 'pending'], { cwd: central });
		assert.doesNotMatch(pending.stdout, /ship1/);
		const sent = await runReeve(['send', 'ping', '--to', 'ship1'], { cwd: central });
		assert.equal(sent.code, 0, sent.stderr);
		const later = await runReeve(['get', 'nodes'], { cwd: central });
		assert.doesNotMatch(later.stdout, /key not accepted/);
	},
);

test('a pending key that is rejected is neither listed nor accepted', async (t) => {
	const cwd = temporaryFolder(t);
	const other = temporaryFolder(t);
	await runReeve(['keys', 'new'], { cwd: other });
	mkdirSync(join(cwd, 'etc', 'keys', 'pending'), { recursive: true });
	copyFileSync(
		join(other, 'etc', 'keys', 'own.pub'),
		join(cwd, 'etc', 'keys', 'pending', 'ship1.pub'),
	);
	assert.match((await runReeve(['keys', 'pending'], { cwd })).stdout, /ship1/);
	const rejected = await runReeve(['keys', 'reject', 'ship1'], { cwd });
	assert.equal(rejected.stdout, 'rejected: 1 of ship1\n');
	assert.doesNotMatch((await runReeve(['keys', 'pending'], { cwd })).stdout, /ship1/);
	const accepted = await runReeve(['keys', 'accept', 'ship1', '--yes'], { cwd });
	assert.match(accepted.stderr, /not_found/);
});

test(
	'a password on the command line of a node is not shown by ps, config or the log',
	{ skip: existsSync('/proc/self/cmdline') ? false : 'no /proc' },
	async (t) => {
		const cwd = temporaryFolder(t);
		const listen = `127.0.0.1:${await freePort()}`;
		const secret = ['--brokerPassword', 's3cret-word-of-the-broker'];
		const node = startReeve(['run', '--brokerListen', listen, ...secret], { cwd });
		t.after(() => node.child.kill('SIGKILL'));
		const said = await node.until(/ready/);
		const shown = await runReeve(['config', 'show'], { cwd });
		const cmdline = readFileSync(`/proc/${node.child.pid}/cmdline`, 'utf8');
		assert.doesNotMatch([said, shown.stdout, shown.stderr, cmdline].join(), /s3cret/);
		node.child.kill('SIGTERM');
		const { stdout, stderr } = await node.finished;
		assert.doesNotMatch(stdout + stderr, /s3cret/);
	},
);
