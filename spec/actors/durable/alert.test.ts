import assert from 'node:assert/strict';
import test from 'node:test';
import { setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { raiseAlert } from '../../../actors/definition/effects.ts';
import { restored, type StoredOutRow } from '../../../runtime/delivery/outbox-row.ts';
import { messageIn, type Entry } from '../../../runtime/ledger/ledger-entry.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

const smoke = defineActor({
	name: 'smoke',
	version: 1,
	machine: setup({ types: { events: {} as { type: 'BURN' } } }).createMachine({
		id: 'smoke',
		on: { BURN: { actions: raiseAlert('critical', 'the galley burns\nand the mess') } },
	}),
});

/** The alerts that are on disk, on their way to central. */
function alerts(node: ActorNode): readonly string[] {
	const rows = node.journal.scan<StoredOutRow>('outbox', rowsUnder());
	return rows
		.map(({ value }) => restored(0, value))
		.flatMap(
			({ id }) => messageIn(node.journal.get<Entry>('ledger', [id]) ?? assert.fail(id)) ?? [],
		)
		.filter(({ toNode, method }) => toNode === 'central' && method === 'REQErrorLog')
		.map(({ data }) => String(data));
}

test('an alert is sent to central, with the node, the instance and its severity', async (t) => {
	const node = await startActorNode(t, { actors: [smoke] });
	await node.send('smoke', 'BURN', { key: 'deck-2' });
	await node.idle('smoke');
	const [alert = '', ...more] = alerts(node);
	assert.deepEqual(more, []);
	assert.match(
		alert,
		/^Thu, 01 Jan 2026 .*, node: ship1, alert: critical: smoke\/deck-2: the galley burns/,
	);
	const [seen] = node.seen('alert.raised');
	assert.equal(seen?.severity, 'critical');
	await node.stop();
});

test('a crash at any instant of its turn neither loses nor repeats an alert', async (t) => {
	for (let turnsOfTheLoop = 0; turnsOfTheLoop < 12; turnsOfTheLoop += 1) {
		const node = await startActorNode(t, { actors: [smoke] });
		await node.send('smoke', 'BURN');
		for (let turn = 0; turn < turnsOfTheLoop; turn += 1) {
			await new Promise((resolve) => {
				setImmediate(resolve);
			});
		}
		const next = await node.crash();
		await next.until(() => next.stored('smoke')?.turn === 1);
		await next.idle('smoke');
		assert.equal(alerts(next).length, 1, `a crash after ${turnsOfTheLoop} turns`);
		await next.stop();
	}
});
