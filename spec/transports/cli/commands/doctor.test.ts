import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runReeve, startReeve } from '../../../support/command-line.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

interface Finding {
	readonly name: string;
	readonly state: string;
	readonly what: string;
}

test('the checkup shows the clock, and warns of one that a test has moved', async (t) => {
	const cwd = temporaryFolder(t);
	writeFileSync(join(cwd, 'offset'), '-86400000');
	const env = { REEVE_NODE_NAME: 'central', REEVE_BROKER_LISTEN: '' };
	const clock = async (): Promise<Finding | undefined> => {
		const { stdout } = await runReeve(['doctor', '-o', 'json'], { cwd, env });
		const findings = JSON.parse(stdout) as readonly Finding[];
		return findings.find(({ name }) => name === 'clock');
	};
	assert.equal((await clock())?.state, 'ok');
	const node = startReeve(['dev'], { cwd, env: { ...env, REEVE_CLOCK_OFFSET_FILE: 'offset' } });
	t.after(() => node.child.kill('SIGKILL'));
	await node.until(/ready/);
	const found = await clock();
	assert.equal(found?.state, 'warning');
	assert.match(found.what, /-86400000 ms, for tests/);
});

test('a node is refused whose clock a test moves by no number', async (t) => {
	const cwd = temporaryFolder(t);
	const env = { REEVE_NODE_NAME: 'central', REEVE_CLOCK_OFFSET_FILE: 'nowhere' };
	const { code, stderr } = await runReeve(['dev'], { cwd, env });
	assert.notEqual(code, 0);
	assert.match(stderr, /bad_config[^]*REEVE_CLOCK_OFFSET_FILE/);
});
