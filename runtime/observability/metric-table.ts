/**
 * The metrics of a node, as rows of one table: name, kind, labels, help. Those of reeve are in base
 * units and begin with `reeve_`; below them are steward's, with the same meaning as there, so that
 * its dashboards still work. Labels have few values: never an id, a topic or a path. The scrape
 * adds the node.
 *
 * @module
 */

/** One row. */
export interface MetricRow {
	readonly kind: 'counter' | 'gauge' | 'histogram';
	readonly labels: readonly string[];
	readonly help: string;
	/** The upper bounds of a histogram, in seconds. */
	readonly buckets?: readonly number[];
}

const quick = [
	0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const;
const long = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 21_600, 86_400] as const;

const counter = (help: string, ...labels: string[]): MetricRow => ({
	kind: 'counter',
	labels,
	help,
});
const gauge = (help: string, ...labels: string[]): MetricRow => ({ kind: 'gauge', labels, help });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): MetricRow => ({
	kind: 'histogram',
	labels,
	help,
	buckets,
});

/** The table. */
export const metricTable = {
	reeve_messages_accepted_total: counter(
		'Messages that this node has taken, by the way that they came',
		'method',
		'transport',
	),
	reeve_messages_refused_total: counter(
		'Input that was refused, by the code of the refusal',
		'reason',
		'transport',
	),
	reeve_messages_settled_total: counter(
		'Messages of this node that came to their end',
		'method',
		'outcome',
	),
	reeve_message_age_seconds: histogram(
		'Time from the acceptance of a message of this node to its outcome',
		long,
		'method',
	),
	reeve_call_duration_seconds: histogram('Time that methods ran here', long, 'method', 'outcome'),
	reeve_delivery_attempts_total: counter(
		'Messages sent to other nodes: sent, resent, acked, refused, gave_up',
		'outcome',
	),
	reeve_delivery_ack_seconds: histogram(
		'Time from the oldest unanswered sending of a lane to its acknowledgement',
		quick,
	),
	reeve_mailbox_messages: gauge('Messages accepted here and not settled, by process', 'process'),
	reeve_outbox_messages: gauge('Messages that wait to be taken by other nodes'),
	reeve_supervisor_restarts_total: counter('Restarts, by the child that was restarted', 'child'),
	reeve_supervisor_gave_up_total: counter(
		'Supervisors that gave up, by the child that failed too often',
		'child',
	),
	reeve_journal_commit_seconds: histogram('Time of a transaction with its flush', quick),
	reeve_journal_size_bytes: gauge('Size of the journal on disk'),
	reeve_replay_messages_total: counter(
		'Messages that an earlier process had left in mid-run, by what was decided',
		'decision',
	),
	reeve_transport_connected: gauge('1 while a transport is up', 'transport'),
	reeve_build_info: gauge('1, with the versions as labels', 'version', 'node_version'),
	steward_build_version: gauge('1, with the version as label', 'version'),
	steward_processes_total: gauge('Publisher and subscriber processes'),
	steward_processes_all_running: gauge('1 for each process that runs', 'processName'),
	steward_hello_nodes_total: gauge('Nodes that have said hello'),
	steward_hello_node_contact_last: gauge('Unix time of the last hello of a node', 'nodeName'),
	steward_messages_processed_id_last: gauge('Number of the last message that was processed'),
	steward_ringbuffer_stalled_messages_total: counter('Times that messages began to wait long'),
	steward_in_memory_buffer_messages_current: gauge('Messages that wait to be sent or to be run'),
	steward_user_messages_total: counter('Messages that people and programs have handed in'),
	steward_nats_delivered_total: counter('Messages that their receivers have acknowledged'),
	steward_nats_messages_failed_acks_total: counter('Messages that were sent again'),
	steward_nats_messages_missed_acks_total: counter('Messages that were given up'),
	steward_error_messages_received_total: counter('Error reports that were taken'),
	steward_error_messages_sent_total: counter('Reports to central whose text begins with error'),
	steward_info_messages_sent_total: counter('Reports to central whose text begins with info'),
	steward_db_messages_current: gauge('Messages in the journal that have no outcome yet'),
} as const satisfies Record<string, MetricRow>;

/** A name of {@link metricTable}. */
export type MetricName = keyof typeof metricTable;
