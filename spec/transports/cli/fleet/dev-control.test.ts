import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { askFleet, openControl } from '../../../../transports/cli/fleet/dev-control.ts';
import { until } from '../../../support/condition.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

test('a client that hangs up without having read its answer does not end the fleet', async (t) => {
	const folder = temporaryFolder(t);
	let asked = 0;
	const close = await openControl(folder, ({ member }) => {
		asked += 1;
		return Promise.resolve(`${member} is started`);
	});
	t.after(close);
	const client = createConnection(join(folder, 'dev.control'));
	client.pause();
	await once(client, 'connect');
	client.write('{"action":"start","member":"ship1"}\n');
	await until('it was answered', () => asked > 0);
	await new Promise(setImmediate);
	// The system resets a connection whose unread bytes are thrown away.
	client.destroy();
	await once(client, 'close');
	const answer = await askFleet(folder, { action: 'start', member: 'ship2' });
	assert.equal(answer, 'ship2 is started\n');
});
