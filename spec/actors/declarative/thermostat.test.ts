import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileYamlDefinition } from '../../../actors/declarative/yaml-definition.ts';
import { startActorNode } from '../../support/actor-node.ts';
import { startFleet } from '../../support/processes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { eavesdropper } from '../../support/eavesdropper.ts';

const examples = fileURLToPath(new URL('../../../examples/actors', import.meta.url));
const source = `${examples}/thermostat.yaml`;
const minute = 60_000;

test('the thermostat of the examples switches half a degree around its target, and alerts people', async (t) => {
	const text = readFileSync(source, 'utf8');
	const dataFolder = temporaryFolder(t);
	const folders = { dataFolder, notesFolder: dataFolder };
	const parts = { source, text, node: 'ship1', ...folders, outputBytesMax: 1000 };
	let node = await startActorNode(t, { actors: [compileYamlDefinition(parts)] });
	const read = async (celsius: number) => {
		await node.send('thermostat', { type: 'READING', celsius }, { key: 'kitchen' });
		await node.idle('thermostat');
	};
	for (const celsius of [19.6, 19.4, 20.4, 20.6, 20.2]) await read(celsius);
	const topic = 'home/kitchen/heater';
	const told = ['off', 'off', 'on', 'on', 'off', 'off'].map((word) => `${topic} ${word}`);
	assert.deepEqual(node.published, told, 'each reading repeats what may have got lost');
	await read(19);
	await node.clock.advance(9 * minute);
	await read(19.2);
	node = await node.crash();
	for (let passed = 0; passed < 20; passed += 5) {
		await node.clock.advance(5 * minute);
		await read(19.3);
	}
	await node.clock.advance(2 * minute);
	const alerts = () =>
		node.seen('alert.raised').map(({ severity, text: said }) => `${severity} ${said}`);
	await node.until(() => alerts().length === 1);
	assert.deepEqual(alerts(), ['warning kitchen is heated, and still has only 19.3 °C']);
	await node.clock.advance(9 * minute);
	await node.until(() => alerts().length === 2);
	assert.equal(alerts()[1], 'critical no reading from kitchen for 600 seconds');
	await node.stop();
});

test('it is fed by plain publishes, room by room, also after a SIGKILL of its node', async (t) => {
	const fleet = await startFleet([]);
	t.after(() => fleet.stop());
	const flags = ['--definitionsFolder', examples];
	await fleet.start('central', flags);
	const client = await eavesdropper(t, fleet.broker);
	const read = (key: string, celsius: number) => {
		const methodArgs = ['READING', JSON.stringify({ celsius })];
		const text = JSON.stringify({ key, methodArgs });
		return client.publish('reeve/central/thermostat/EventACK', text);
	};
	const heater = (room: string, word: string) =>
		client.overhear(new RegExp(`^home/${room}/heater$`), (payload) => payload.toString() === word);
	// Before its first link a node has no subscription, and plain publishes are gone.
	await client.overhear(/^reeve.central._status$/, (payload) => /online/.test(String(payload)));
	await read('kitchen', 17.5);
	await read('bath', 24);
	await heater('kitchen', 'on');
	await heater('bath', 'off');
	await fleet.kill('central');
	await fleet.start('central', flags);
	const before = client.all(/kitchen.heater/).length;
	await read('kitchen', 22);
	await heater('kitchen', 'off');
	assert.ok(before >= 2);
	const [row] = (await fleet.ask('central', {
		reeve: 'actor',
		actor: 'thermostat',
		key: 'bath',
	})) as {
		context: object;
	}[];
	const patience = { cold: 1800, silence: 600 };
	assert.deepEqual(row?.context, { room: 'bath', target: 20, celsius: 24, patience, alerts: 0 });
});
