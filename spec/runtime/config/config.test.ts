import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf, configSchema } from '../../../runtime/config/config.ts';

test('a configuration of nothing is complete, and every value has a limit or a list', () => {
	const config = configOf();
	for (const key of Object.keys(configSchema.shape)) assert.ok(key in config, key);
	assert.equal(config.nodeName, 'central');
	assert.equal(config.durability, 'disk');
	assert.equal(config.defaultMessageTtl, 604_800);
});

test('every key but the log level has a description for the help', () => {
	const silent = Object.entries(configSchema.shape)
		.filter(([, schema]) => !schema.description)
		.map(([key]) => key);
	assert.deepEqual(silent, ['logLevel']);
});

test("a value may be text, as a flag or a variable gives it, and becomes the schema's", () => {
	const config = configSchema.parse({
		startPubREQHello: '0',
		callsMax: '3',
		startSubREQCliCommand: 'false',
		startSubREQPing: true,
	});
	assert.equal(config.startPubREQHello, 0);
	assert.equal(config.callsMax, 3);
	assert.equal(config.startSubREQCliCommand, false);
	assert.equal(config.startSubREQPing, true);
});

test('a value outside its limits is refused', () => {
	const wrong: Record<string, unknown>[] = [
		{ nodeName: 'a/b' },
		{ nodeName: '' },
		{ nodeName: '..' },
		{ centralNodeName: '#' },
		{ databaseFolder: '' },
		{ topicPrefix: 'a/+' },
		{ topicPrefix: '#' },
		{ topicPrefix: 'a\0' },
		{ mqttVersion: '6' },
		{ defaultMessageTimeout: 0 },
		{ defaultMessageTtl: 2_592_001 },
		{ startSubREQPing: 'yes' },
		{ durability: 'none' },
		{ messageBytesMax: 63 },
		{ windowMessagesMax: 0 },
		{ windowMessagesMax: 1.5 },
		{ callsMax: Number.NaN },
		{ callsMax: 'many' },
		{ callsMax: Number.POSITIVE_INFINITY },
		{ resendMsMin: 0 },
		{ noSuchKey: 1 },
	];
	for (const values of wrong) {
		assert.equal(configSchema.safeParse(values).success, false, JSON.stringify(values));
	}
});
