import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { metricTable, type MetricRow } from '../../../runtime/observability/metric-table.ts';
import { createMetrics, type MetricSample } from '../../../runtime/observability/metrics.ts';
import { createSignals, type Signals } from '../../../runtime/observability/signals.ts';

const rows = Object.entries<MetricRow>(metricTable);
const nothing: MetricSample = { processes: [], open: 0, journalBytes: 0 };

function start(t: TestContext, before: (signals: Signals) => void = () => {}) {
	const clock = steppedClock(5);
	const signals = createSignals(clock, 100);
	before(signals);
	const metrics = createMetrics(signals);
	t.after(() => metrics.end());
	/** The samples of one metric, as they stand in a scrape. */
	const samples = async (name: string, sample = nothing): Promise<string[]> => {
		const text = await metrics.text(sample);
		return text.split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));
	};
	return { clock, signals, metrics, samples };
}

const accepted = (via: string) => ({
	id: 'a',
	method: 'REQPing',
	from: 'central',
	to: 'ship1',
	via,
});

test('names and labels keep to the rules: prefix, base units, _total on counters, few values', () => {
	for (const [name, { kind, labels, help, buckets }] of rows) {
		assert.match(name, /^(?:reeve|steward)_[a-z_]+$/);
		assert.match(help, /^[A-Z0-9].*[^.]$/, `${name}: help is a sentence without a full stop`);
		assert.equal(buckets !== undefined, kind === 'histogram', name);
		assert.doesNotMatch(name, /_(?:ms|milliseconds|minutes|kb|mb|percent)(?:_|$)/, name);
		for (const label of labels)
			assert.doesNotMatch(label, /^(?:id|message|topic|path|node)$/, name);
		if (!name.startsWith('reeve_')) continue;
		assert.equal(name.endsWith('_total'), kind === 'counter', name);
		if (kind === 'histogram') assert.match(name, /_seconds$/, name);
	}
});

test('every metric of steward is there, under its name', () => {
	const stewards = [
		'build_version processes_total processes_all_running hello_nodes_total',
		'hello_node_contact_last messages_processed_id_last ringbuffer_stalled_messages_total',
		'in_memory_buffer_messages_current user_messages_total nats_delivered_total',
		'nats_messages_failed_acks_total nats_messages_missed_acks_total',
		'error_messages_received_total error_messages_sent_total info_messages_sent_total',
		'db_messages_current',
	].flatMap((line) => line.split(' '));
	for (const name of stewards) assert.ok(Object.hasOwn(metricTable, `steward_${name}`), name);
});

test('what was accepted, refused and settled is counted by method, way and outcome', async (t) => {
	const { signals, samples } = start(t);
	for (const via of ['socket', 'socket', 'wire', 'operator']) {
		signals.emit('message.accepted', accepted(via));
	}
	signals.emit('message.refused', { code: 'bad_json', detail: '', via: 'socket' });
	signals.emit('signature.refused', {
		code: 'unsigned',
		from: 'ship1',
		topic: 'reeve/central/_ack',
	});
	signals.emit('message.settled', {
		id: 'a',
		method: 'REQPing',
		to: 'ship1',
		outcome: 'done',
		ageMs: 40,
	});
	assert.deepEqual(
		await samples('reeve_messages_accepted_total{method="REQPing",transport="socket"'),
		['reeve_messages_accepted_total{method="REQPing",transport="socket"} 2'],
	);
	assert.deepEqual(await samples('steward_user_messages_total'), ['steward_user_messages_total 2']);
	assert.deepEqual(await samples('reeve_messages_refused_total'), [
		'reeve_messages_refused_total{reason="bad_json",transport="socket"} 1',
		'reeve_messages_refused_total{reason="unsigned",transport="wire"} 1',
	]);
	assert.deepEqual(await samples('reeve_messages_settled_total'), [
		'reeve_messages_settled_total{method="REQPing",outcome="done"} 1',
	]);
	assert.deepEqual(await samples('reeve_message_age_seconds_sum'), [
		'reeve_message_age_seconds_sum{method="REQPing"} 0.04',
	]);
	assert.ok(
		(await samples('reeve_message_age_seconds_bucket')).includes(
			'reeve_message_age_seconds_bucket{le="0.1",method="REQPing"} 1',
		),
	);
	assert.deepEqual(await samples('steward_messages_processed_id_last'), [
		'steward_messages_processed_id_last 1',
	]);
});

test('deliveries are counted, and their acknowledgements are timed from the oldest sending', async (t) => {
	const { signals, samples } = start(t);
	const lane = { to: 'ship1', method: 'REQPing' };
	signals.emit('delivery.sent', { ...lane, count: 3, attempt: 1 });
	signals.emit('delivery.sent', { ...lane, count: 2, attempt: 2 });
	signals.emit('delivery.acked', { ...lane, count: 3, tookMs: 50 });
	signals.emit('delivery.gaveUp', { ...lane, id: 'a', attempts: 2 });
	signals.emit('delivery.waiting', { ...lane, why: 'ship1 is offline' });
	assert.deepEqual((await samples('reeve_delivery_attempts_total')).toSorted(), [
		'reeve_delivery_attempts_total{outcome="acked"} 3',
		'reeve_delivery_attempts_total{outcome="gave_up"} 1',
		'reeve_delivery_attempts_total{outcome="resent"} 2',
		'reeve_delivery_attempts_total{outcome="sent"} 3',
	]);
	assert.deepEqual(await samples('reeve_delivery_ack_seconds_sum'), [
		'reeve_delivery_ack_seconds_sum 0.05',
	]);
	assert.deepEqual(await samples('steward_nats_'), [
		'steward_nats_delivered_total 3',
		'steward_nats_messages_failed_acks_total 2',
		'steward_nats_messages_missed_acks_total 1',
	]);
	assert.deepEqual(await samples('steward_ringbuffer'), [
		'steward_ringbuffer_stalled_messages_total 1',
	]);
});

test('hellos and error reports are counted as steward does', async (t) => {
	const { signals, samples, clock } = start(t);
	const ended = (method: string, from: string) =>
		signals.emit('call.ended', {
			id: 'a',
			method,
			from,
			outcome: 'done',
			tookMs: 2,
			attempts: 1,
			code: '',
			detail: '',
			stderr: '',
			methodArgs: [],
		});
	for (const from of ['ship1', 'ship2', 'ship1']) ended('REQHello', from);
	ended('REQErrorLog', 'ship1');
	signals.emit('error.reported', { code: 'x', text: 'error: one' });
	signals.emit('error.reported', { code: 'x', text: 'info: two' });
	assert.deepEqual(await samples('steward_hello_nodes_total'), ['steward_hello_nodes_total 2']);
	const last = await samples('steward_hello_node_contact_last{nodeName="ship2"}');
	assert.deepEqual(last, [
		`steward_hello_node_contact_last{nodeName="ship2"} ${Math.floor(clock.now() / 1000)}`,
	]);
	assert.deepEqual(await samples('steward_error_messages'), [
		'steward_error_messages_received_total 1',
		'steward_error_messages_sent_total 1',
	]);
	assert.deepEqual(await samples('steward_info'), ['steward_info_messages_sent_total 1']);
});

test('levels are those of the moment of the scrape', async (t) => {
	const { samples } = start(t);
	const process = (name: string, kind: 'publisher' | 'subscriber', waiting: number) => ({
		name,
		kind,
		waiting,
		running: 1,
	});
	const sample: MetricSample = {
		processes: [
			process('REQPing.subscriber', 'subscriber', 4),
			process('ship1.REQPing.publisher', 'publisher', 7),
		],
		open: 9,
		journalBytes: 4096,
	};
	assert.deepEqual(await samples('reeve_mailbox_messages', sample), [
		'reeve_mailbox_messages{process="REQPing.subscriber"} 5',
	]);
	assert.deepEqual(await samples('reeve_outbox_messages', sample), ['reeve_outbox_messages 7']);
	assert.deepEqual(await samples('reeve_journal_size_bytes', sample), [
		'reeve_journal_size_bytes 4096',
	]);
	assert.deepEqual(await samples('steward_db_messages_current', sample), [
		'steward_db_messages_current 9',
	]);
	assert.equal((await samples('steward_processes_all_running', sample)).length, 2);
	assert.deepEqual(await samples('steward_processes_all_running'), [], 'those that ended are gone');
});

test('the work of the node itself is counted, without a series for each lane', async (t) => {
	const { signals, samples } = start(t);
	const restarted = (supervisor: string, child: string) =>
		signals.emit('child.restarted', { supervisor, child, restarts: 1 });
	restarted('publishers', 'ship1/REQPing/EventACK/key-1');
	restarted('publishers', 'ship1/REQPing/EventACK/key-2');
	restarted('transports', 'mqtt');
	signals.emit('transport.up', { transport: 'mqtt', address: 'mqtt://x' });
	signals.emit('transport.down', { transport: 'mqtt', address: 'mqtt://x', reason: '' });
	signals.emit('journal.committed', { count: 3, tookMs: 2 });
	assert.deepEqual((await samples('reeve_supervisor_restarts_total')).toSorted(), [
		'reeve_supervisor_restarts_total{child="mqtt"} 1',
		'reeve_supervisor_restarts_total{child="publishers"} 2',
	]);
	assert.deepEqual(await samples('reeve_transport_connected'), [
		'reeve_transport_connected{transport="mqtt"} 0',
	]);
	assert.deepEqual(await samples('reeve_journal_commit_seconds_sum'), [
		'reeve_journal_commit_seconds_sum 0.002',
	]);
	assert.match(
		(await samples('reeve_build_info'))[0] ?? '',
		/version="\d+\.\d+\.\d+.*" *\} 1$|node_version="v\d+/,
	);
	assert.ok((await samples('process_cpu_seconds_total')).length > 0);
});

test('what happened before the metrics were created is counted, as far as the ring has it', async (t) => {
	const { samples } = start(t, (signals) =>
		signals.emit('replay.decided', { id: 'a', method: 'REQPing', decision: 'redeliver' }),
	);
	assert.deepEqual(await samples('reeve_replay_messages_total'), [
		'reeve_replay_messages_total{decision="redeliver"} 1',
	]);
});
