import assert from 'node:assert/strict';
import test from 'node:test';
import { createVersionChoice } from '../../../transports/mqtt/mqtt-version.ts';

const refusal = Object.assign(new Error('unacceptable protocol version'), { code: 1 });

test('after a refusal of 5.0 the connection speaks 3.1.1', () => {
	const version = createVersionChoice({ mqttVersion: 'auto' });
	assert.equal(version.current, 5);
	assert.equal(version.refused(new Error('bad password')), false);
	assert.equal(version.current, 5);
	assert.equal(version.refused(refusal), true);
	version.lost();
	version.hungUp();
	assert.equal(version.current, 4);
	assert.equal(version.refused(refusal), false, 'there is no third version');
});

test('if the broker closes without an error, the versions are tried in turn, beginning with 5.0', () => {
	const version = createVersionChoice({ mqttVersion: 'auto' });
	const tried = Array.from({ length: 4 }, () => {
		version.hungUp();
		return version.current;
	});
	assert.deepEqual(tried, [4, 5, 4, 5]);
	version.hungUp();
	version.lost();
	assert.equal(version.current, 5, 'it may have been something else that hung up');
});

test('a version that was asked for is kept', () => {
	for (const [mqttVersion, number] of [['5', 5] as const, ['3.1.1', 4] as const]) {
		const version = createVersionChoice({ mqttVersion });
		version.hungUp();
		assert.equal(version.refused(refusal), false);
		assert.equal(version.current, number);
	}
});
