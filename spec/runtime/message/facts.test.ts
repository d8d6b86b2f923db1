import assert from 'node:assert/strict';
import { arch, platform } from 'node:os';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { factsMax, isFacts, ownFacts } from '../../../runtime/message/facts.ts';
import { createPresence } from '../../../runtime/network/presence.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { version } from '../../../runtime/platform/version.ts';
import { readStatus, writeStatus, type Status } from '../../../runtime/protocol/status.ts';

test('a node knows some facts by itself, and the configured ones win', () => {
	assert.deepEqual(ownFacts(''), { os: platform(), arch: arch(), version });
	assert.deepEqual(ownFacts('role=db, site=oslo,os=other'), {
		os: 'other',
		arch: arch(),
		version,
		role: 'db',
		site: 'oslo',
	});
});

test('too many facts, and too long ones, are an error of the configuration', () => {
	const many = Array.from({ length: factsMax + 1 }, (_, at) => `fact${at}=x`).join(',');
	assert.throws(() => ownFacts(many), { code: 'bad_config' });
	assert.throws(() => ownFacts(`role=${'x'.repeat(200)}`), { code: 'bad_config' });
});

test('only short texts by name are facts, whatever came over a wire', () => {
	for (const value of [undefined, null, 'os', ['os'], { os: 1 }, { os: 'x'.repeat(129) }]) {
		assert.equal(isFacts(value), false);
	}
	assert.ok(isFacts({ os: 'linux' }));
});

test('facts travel in the birth, and are known of a node that is away, too', () => {
	const clock = steppedClock();
	const presence = createPresence({ clock, signals: createSignals(clock) });
	const birth: Status = {
		v: 1,
		state: 'online',
		node: 'ship1',
		storeId: 's',
		epoch: 1,
		facts: { role: 'db' },
	};
	const heard = readStatus(writeStatus(birth));
	assert.ok(heard);
	presence.learn(heard);
	assert.deepEqual(presence.get('ship1')?.facts, { role: 'db' });
	presence.learn({ v: 1, state: 'offline', node: 'ship1', storeId: 's', epoch: 1 });
	assert.deepEqual(presence.list()[0]?.facts, { role: 'db' });
	const wrong = Buffer.from(JSON.stringify({ ...birth, facts: { role: 7 } }));
	assert.throws(() => readStatus(wrong), { code: 'bad_frame' });
});
