import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
