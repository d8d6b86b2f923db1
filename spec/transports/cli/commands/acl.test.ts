import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runReeve } from '../../../support/command-line.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

test('rules are changed, tested and cleared while the node is stopped', async (t) => {
	const cwd = temporaryFolder(t);
	const env = { REEVE_NODE_NAME: 'ship1', REEVE_CENTRAL_NODE_NAME: 'central' };
	const acl = (...words: string[]) => runReeve(['acl', ...words], { cwd, env });
	const file = join(cwd, 'etc', 'keys', 'acl.yaml');

	const asked = await acl('allow', 'central', 'exec');
	assert.equal(asked.code, 2);
	assert.match(asked.stderr, /only what a rule allows .*\(by central\)[^]*--yes/);
	assert.equal(existsSync(file), false);

	assert.equal((await acl('allow', 'central', 'exec', '--yes', '--', 'uptime')).code, 0);
	const tested = await acl('test', 'central', 'exec', '--', 'uptime', '-p');
	assert.equal(tested.stdout, 'allowed: rule 1, allow central REQCliCommand -- uptime\n');
	const refused = await acl('test', 'central', 'exec', '--', 'reboot');
	assert.deepEqual(
		[refused.code, refused.stdout],
		[4, 'refused: no rule allows central REQCliCommand\n'],
	);
	const misspelt = await acl('deny', 'central', 'execc');
	assert.equal(misspelt.code, 2);
	assert.match(misspelt.stderr, /unknown_method[^]*did you mean exec/);
	assert.equal((await acl('clear', '--yes')).code, 0);
	assert.equal(existsSync(file), false);
});

test('a rule is removed by its command, and the help says whom each word covers', async (t) => {
	const cwd = temporaryFolder(t);
	const env = { REEVE_NODE_NAME: 'ship1', REEVE_CENTRAL_NODE_NAME: 'central' };
	const acl = (...words: string[]) => runReeve(['acl', ...words], { cwd, env });
	mkdirSync(join(cwd, 'etc', 'keys'), { recursive: true });
	writeFileSync(
		join(cwd, 'etc', 'keys', 'acl.yaml'),
		"rules:\n  - {from: central, method: '*'}\n" +
			'  - {from: central, method: REQCliCommand, command: rm, effect: deny}\n' +
			'  - {from: central, method: REQCliCommand, command: ls}\n' +
			'  - {from: central, method: REQCliCommand}\n',
	);
	const vague = await acl('remove', 'central', 'exec');
	assert.equal(vague.code, 2);
	assert.match(vague.stderr, /deny central REQCliCommand -- rm; allow central REQCliCommand -- ls/);
	assert.equal((await acl('remove', 'central', 'exec', '--', 'ls')).code, 0);
	assert.equal((await acl('remove', 'central', 'exec', '--')).code, 0);
	const tested = await acl('test', 'central', 'exec', '--', 'rm', '-r', 'x');
	assert.equal(tested.stdout, 'refused: rule 2, deny central REQCliCommand -- rm\n');
	const { stdout } = await acl('--help');
	assert.match(stdout, /client:NAME +the MQTT client that signs as NAME/);
	assert.match(stdout, /who may write this file can\nalways edit it, and run reeve acl clear/);
});

test('who owns the files clears the rules, whatever they deny local, or are', async (t) => {
	const cwd = temporaryFolder(t);
	const acl = (...words: string[]) => runReeve(['acl', ...words], { cwd });
	const file = join(cwd, 'etc', 'keys', 'acl.yaml');
	mkdirSync(join(cwd, 'etc', 'keys'), { recursive: true });
	for (const text of ["rules: [{from: '*', method: '*', effect: deny}]\n", 'rules: [\n']) {
		writeFileSync(file, text);
		assert.equal((await acl('clear')).code, 2, 'it is to be confirmed');
		const cleared = await acl('clear', '--yes');
		assert.equal(cleared.code, 0, cleared.stderr);
		assert.equal(existsSync(file), false);
	}
	writeFileSync(file, 'rules: [\n');
	const listed = await acl('list');
	assert.match(listed.stderr, /bad_acl/);
});
