/**
 * Metrics: signals as counters and histograms. Levels, which no signal tells, are read at each
 * scrape: the gauges of {@link MetricSample}.
 *
 * This file is the door to prom-client.
 *
 * @module
 */
import process from 'node:process';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricTable, type MetricName, type MetricRow } from './metric-table.ts';
import type { Signal, Signals } from './signals.ts';
import { version } from '../platform/version.ts';

/** The levels at one moment. */
export interface MetricSample {
	/** One for each process; publishers that differ only in the ordering key share a name. */
	readonly processes: readonly {
		readonly name: string;
		readonly kind: 'subscriber' | 'publisher';
		readonly waiting: number;
		readonly running: number;
	}[];
	readonly open: number;
	readonly journalBytes: number;
}

/** The metrics of one node. */
export interface Metrics {
	/** What a scrape gets, in the text format of Prometheus. */
	text(sample: MetricSample): Promise<string>;
	readonly contentType: string;
	end(): void;
}

type Labels = Readonly<Record<string, string>>;

/** What the projections write to. */
interface Meters {
	add(name: MetricName, labels?: Labels, by?: number): void;
	set(name: MetricName, value: number, labels?: Labels): void;
	observe(name: MetricName, seconds: number, labels?: Labels): void;
	clear(name: MetricName): void;
}

/** Starts counting, beginning with the signals that the ring holds. */
export function createMetrics(signals: Signals): Metrics {
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	const meters = createMeters(registry);
	const node_version = process.version;
	meters.set('reeve_build_info', 1, { version, node_version });
	meters.set('steward_build_version', 1, { version });
	const project = createProjection(meters);
	for (const signal of signals.recent()) project(signal);
	const end = signals.subscribe(project);
	return {
		contentType: registry.contentType,
		text(sample) {
			setLevels(meters, sample);
			return registry.metrics();
		},
		end() {
			end();
			registry.clear();
		},
	};
}

function createMeters(registry: Registry): Meters {
	const counters = new Map<string, Counter>();
	const gauges = new Map<string, Gauge>();
	const histograms = new Map<string, Histogram>();
	for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
		const { help, kind, buckets } = row;
		const shape = { name, help, labelNames: [...row.labels], registers: [registry] };
		if (kind === 'counter') counters.set(name, new Counter(shape));
		else if (kind === 'gauge') gauges.set(name, new Gauge(shape));
		else histograms.set(name, new Histogram({ ...shape, buckets: [...(buckets ?? [])] }));
	}
	return {
		add: (name, labels = {}, by = 1) => counters.get(name)?.inc(labels, by),
		set: (name, value, labels = {}) => gauges.get(name)?.set(labels, value),
		observe: (name, seconds, labels = {}) => histograms.get(name)?.observe(labels, seconds),
		clear: (name) => gauges.get(name)?.reset(),
	};
}

/** Sets the gauges from a sample. */
function setLevels(meters: Meters, { processes, open, journalBytes }: MetricSample): void {
	meters.clear('reeve_mailbox_messages');
	meters.clear('steward_processes_all_running');
	let [outbox, mailbox] = [0, 0];
	const names = new Set<string>();
	for (const { name, kind, waiting, running } of processes) {
		names.add(name);
		if (kind === 'publisher') outbox += waiting;
		else {
			mailbox += waiting;
			meters.set('reeve_mailbox_messages', waiting + running, { process: name });
		}
	}
	for (const processName of names) meters.set('steward_processes_all_running', 1, { processName });
	meters.set('steward_processes_total', names.size);
	meters.set('reeve_outbox_messages', outbox);
	meters.set('steward_in_memory_buffer_messages_current', outbox + mailbox);
	meters.set('steward_db_messages_current', open);
	meters.set('reeve_journal_size_bytes', journalBytes);
}

/** The most nodes whose last hello is shown. */
const helloNodesMax = 10_000;

/** What each signal does to the metrics. */
function createProjection(meters: Meters): (signal: Signal) => void {
	const nodes = new Set<string>();
	let processed = 0;

	const ofMessage = (signal: Signal): void => {
		switch (signal.type) {
			case 'message.accepted': {
				const { method, via: transport } = signal;
				meters.add('reeve_messages_accepted_total', { method, transport });
				if (!isOwnVia(transport)) meters.add('steward_user_messages_total');
				return;
			}
			case 'message.refused': {
				const { code: reason, via: transport } = signal;
				meters.add('reeve_messages_refused_total', { reason, transport });
				return;
			}
			case 'signature.refused': {
				const { code: reason } = signal;
				meters.add('reeve_messages_refused_total', { reason, transport: 'wire' });
				return;
			}
			case 'broker.refused': {
				const labels = { reason: 'not_allowed', transport: 'broker' };
				meters.add('reeve_messages_refused_total', labels, signal.count);
				return;
			}
			case 'message.settled': {
				const { method, outcome, ageMs } = signal;
				meters.add('reeve_messages_settled_total', { method, outcome });
				meters.observe('reeve_message_age_seconds', ageMs / 1000, { method });
				processed += 1;
				meters.set('steward_messages_processed_id_last', processed);
				return;
			}
			case 'call.ended': {
				const { method, outcome, tookMs } = signal;
				meters.observe('reeve_call_duration_seconds', tookMs / 1000, { method, outcome });
				if (outcome === 'done') ofMethod(signal);
				return;
			}
			default:
		}
	};
	const ofMethod = ({ method, from: nodeName, at }: Signal & { type: 'call.ended' }): void => {
		if (method === 'REQErrorLog') meters.add('steward_error_messages_received_total');
		if (method !== 'REQHello' || (nodes.size >= helloNodesMax && !nodes.has(nodeName))) return;
		nodes.add(nodeName);
		meters.set('steward_hello_nodes_total', nodes.size);
		meters.set('steward_hello_node_contact_last', Math.floor(at / 1000), { nodeName });
	};
	const ofDelivery = createDeliveryProjection(meters);
	return (signal) => {
		ofMessage(signal);
		ofDelivery(signal);
		ofNode(meters, signal);
	};
}

/** What people and programs hand in does not come from a wire, nor from the node itself. */
function isOwnVia(via: string): boolean {
	return via === 'wire' || via === 'operator';
}

function createDeliveryProjection(meters: Meters): (signal: Signal) => void {
	const count = (outcome: string, by = 1): void =>
		meters.add('reeve_delivery_attempts_total', { outcome }, by);
	return (signal) => {
		switch (signal.type) {
			case 'delivery.sent': {
				count(signal.attempt > 1 ? 'resent' : 'sent', signal.count);
				if (signal.attempt <= 1) return;
				meters.add('steward_nats_messages_failed_acks_total', {}, signal.count);
				return;
			}
			case 'delivery.acked': {
				meters.observe('reeve_delivery_ack_seconds', signal.tookMs / 1000);
				count('acked', signal.count);
				meters.add('steward_nats_delivered_total', {}, signal.count);
				return;
			}
			case 'delivery.refused':
				return count('refused');
			case 'delivery.gaveUp':
				count('gave_up');
				return meters.add('steward_nats_messages_missed_acks_total');
			case 'delivery.waiting':
				return meters.add('steward_ringbuffer_stalled_messages_total');
			default:
		}
	};
}

function ofNode(meters: Meters, signal: Signal): void {
	switch (signal.type) {
		case 'child.restarted':
			return meters.add('reeve_supervisor_restarts_total', { child: childOf(signal) });
		case 'supervisor.gaveUp':
			return meters.add('reeve_supervisor_gave_up_total', { child: childOf(signal) });
		case 'replay.decided':
			return meters.add('reeve_replay_messages_total', { decision: signal.decision });
		case 'transport.up':
			return meters.set('reeve_transport_connected', 1, { transport: signal.transport });
		case 'transport.down':
			return meters.set('reeve_transport_connected', 0, { transport: signal.transport });
		case 'journal.committed':
			return meters.observe('reeve_journal_commit_seconds', signal.tookMs / 1000);
		case 'error.reported': {
			const isInfo = signal.text.startsWith('info:');
			return meters.add(
				isInfo ? 'steward_info_messages_sent_total' : 'steward_error_messages_sent_total',
			);
		}
		default:
	}
}

/** A publisher is called by its lane, of which there may be many. */
function childOf({ supervisor, child }: { supervisor: string; child: string }): string {
	return supervisor === 'publishers' || supervisor === 'calls' ? supervisor : child;
}
