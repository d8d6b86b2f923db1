/**
 * Error reports: each node sends its errors to central as messages of the method `REQErrorLog`, in
 * steward's words where steward reports the same error.
 *
 * @module
 */
import type { Timer } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import { parseTopic } from '../../runtime/message/topics.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { Signal } from '../../runtime/observability/signals.ts';
import { oneLine } from '../otp/crash-report.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** What this file needs of the node. */
type Services = Pick<NodeServices, 'clock' | 'config' | 'node' | 'signals'> & {
	readonly router: Pick<NodeServices['router'], 'send'>;
};

/** The method that takes error reports. */
const errorMethod = 'REQErrorLog';
const minuteMs = 60_000;

/** A text for central, and the code of its error. */
interface Report {
	readonly code: string;
	readonly text: string;
}

/**
 * Starts reporting; the result ends it. At most `errorReportsPerMinuteMax` reports are sent in a
 * minute; the others are counted, and the count is reported when the minute is over.
 */
export function startErrorReports(services: Services): { stop(): Promise<void> } {
	const { signals, clock, config, router, node } = services;
	const { topicPrefix: prefix } = config;
	let sent = 0;
	let suppressed = 0;
	let timer: Timer | undefined;

	const send = ({ code, text }: Report): void => {
		signals.emit('error.reported', { code, text });
		// If it cannot be written, the process is stopping; the error is in its log.
		router.send([errorMessage(services, text)]).catch(ignoreIfFenced);
	};
	const nextMinute = (): void => {
		timer = undefined;
		if (suppressed > 0) {
			signals.emit('error.suppressed', { count: suppressed });
			const text = `error: ${suppressed} more errors in the last minute were not reported`;
			send({ code: 'suppressed', text });
		}
		sent = 0;
		suppressed = 0;
	};
	const told = new Set<string>();
	/** Whether the same was reported of an acknowledgement, or of a retained publication, before. */
	const isRepeated = (signal: Signal): boolean => {
		if (!isOnTopic(signal)) return false;
		const isRetained = signal.code === 'retained';
		if (!isRetained && parseTopic(prefix, signal.topic)?.part !== 'ack') return false;
		const about = isRetained ? signal.topic : signal.type === 'signature.refused' && signal.from;
		const cause = `${signal.code} ${about || ''}`;
		if (told.has(cause)) return true;
		if (told.size >= config.errorReportsPerMinuteMax) told.clear();
		told.add(cause);
		return false;
	};
	const unsubscribe = signals.subscribe((signal) => {
		const report = isAboutReport(signal, prefix) ? undefined : reportOf(signal, node);
		if (!report || isRepeated(signal)) return;
		timer ??= clock.after(minuteMs, nextMinute);
		sent += 1;
		if (sent <= config.errorReportsPerMinuteMax) send(report);
		else suppressed += 1;
	});

	return {
		async stop() {
			unsubscribe();
			timer?.cancel();
			await Promise.resolve();
		},
	};
}

function errorMessage({ node, clock, config }: Services, text: string): Message {
	const { errorMessageTimeout: ACKTimeout, errorMessageRetries: retries } = config;
	return {
		id: newId(clock),
		fromNode: node,
		toNode: config.centralNodeName,
		method: errorMethod,
		kind: 'EventACK',
		methodArgs: [],
		data: `${new Date(clock.now()).toUTCString()}, node: ${node}, ${text}\n`,
		ACKTimeout,
		retries,
	};
}

/**
 * Whether a signal is about an error report. Such failures are in the node's log and are not
 * reported: each report of them would fail too.
 */
function isAboutReport(signal: Signal, prefix: string): boolean {
	if ('method' in signal && signal.method === errorMethod) return true;
	if (signal.type === 'actor.crashed') {
		const { actor, pid, initialCall } = signal;
		return [actor, pid, initialCall].some((name) => name?.split(/[/# ]/).includes(errorMethod));
	}
	const topic = isOnTopic(signal) ? parseTopic(prefix, signal.topic) : undefined;
	return topic !== undefined && 'method' in topic && topic.method === errorMethod;
}

/** Whether a signal is about a publication. What is wrong with one repeats with each of them. */
function isOnTopic(signal: Signal): signal is Signal & { code: string; topic: string } {
	const isRefusal = signal.type === 'signature.refused' || signal.type === 'message.refused';
	return isRefusal && signal.topic !== undefined;
}

/** The report for a signal; undefined for signals that are no errors. */
function reportOf(signal: Signal, node: string): Report | undefined {
	switch (signal.type) {
		case 'message.refused':
			return { code: signal.code, text: refusedText(signal) };
		case 'call.ended':
			return signal.code ? callReport(signal) : undefined;
		case 'call.warned': {
			const { code, method, id, detail } = signal;
			return { code, text: `error: ${method} ${id}: ${code}: ${detail}` };
		}
		case 'delivery.gaveUp':
			return gaveUpReport(signal, node);
		case 'delivery.refused':
			return {
				code: signal.code,
				text: `error: ${signal.to} refused ${signal.method} ${signal.id}`,
			};
		case 'actor.crashed':
			return { code: 'method_crashed', text: `error: ${oneLine(signal)}` };
		case 'journal.failed':
			return { code: signal.code, text: `error: journal: ${signal.detail}` };
		default:
			return startReport(signal);
	}
}

/** The report for a problem of a node's store or start. */
function startReport(signal: Signal): Report | undefined {
	switch (signal.type) {
		case 'journal.quarantined': {
			const text = `error: journal: damaged, moved to ${signal.folder}`;
			return { code: 'storage_damaged', text };
		}
		case 'journal.rowDamaged':
			return { code: 'storage_damaged', text: `error: journal: ${signal.detail}` };
		case 'record.failed':
			return { code: 'file_failed', text: `error: store.log: ${signal.detail}` };
		case 'node.stalled': {
			const { seconds, stack } = signal;
			const text = `error: the process was ended: it stood still for ${seconds} s in ${stack}`;
			return { code: 'stalled', text };
		}
		case 'node.safe':
			return { code: 'safe_mode', text: `error: safe mode after ${signal.uncleanStarts} crashes` };
		case 'programs.skipped': {
			const { folders, deaths } = signal;
			const text = `error: programs of ${folders} are left out: ${deaths} starts died in them`;
			return { code: 'safe_mode', text };
		}
		default:
			return otherReport(signal);
	}
}

/** The report for a problem of a wire, a definition, or an instance of an actor. */
function otherReport(signal: Signal): Report | undefined {
	switch (signal.type) {
		case 'signature.refused': {
			const text = `error: ${signal.code}: ${signal.from}, on ${signal.topic}`;
			return { code: signal.code, text };
		}
		case 'topic.barred': {
			const text = `error: the broker takes no publications on ${signal.topic}`;
			return { code: 'broker_refused', text };
		}
		case 'definition.refused': {
			const text = `error: definition ${signal.file} is refused: ${signal.detail}`;
			return { code: 'bad_declaration', text };
		}
		case 'instance.parked': {
			const text = `error: ${signal.actor}/${signal.key} is parked: ${signal.reason}`;
			return { code: 'actor_parked', text };
		}
		case 'instance.unparked': {
			const { actor, key, mode, waiting } = signal;
			const text = `info: ${actor}/${key} was unparked by hand (${mode}), ${waiting} waited`;
			return { code: 'unparked', text };
		}
		case 'name.denied':
			return { code: signal.code, text: `error: ${signal.code}: ${signal.detail}` };
		default:
			return undefined;
	}
}

/** Steward's texts for input that was refused as a message. */
function refusedText({ code, detail, via }: Extract<Signal, { type: 'message.refused' }>): string {
	switch (code) {
		case 'bad_json':
			return `error: malformed json received on ${via}: ${detail}`;
		case 'no_destination':
			return 'error: no toNode or toNodes where specified in the message, dropping message';
		case 'unknown_method':
			return `error: no such request type defined: ${detail}`;
		default:
			return `error: message refused (${code}) on ${via}: ${detail}`;
	}
}

function callReport(call: Extract<Signal, { type: 'call.ended' }>): Report {
	const { code, method, detail, stderr } = call;
	const methodArgs = JSON.stringify(call.methodArgs).slice(0, 500);
	if (code === 'timed_out') {
		return { code, text: `error: method${method}: method timed out: ${methodArgs}` };
	}
	const what = code === 'command_failed' ? `cmd.Run : ${detail}` : `${code} ${detail}`.trim();
	const more = stderr ? `, error_output: ${stderr.slice(0, 1000)}` : '';
	return { code, text: `error: method${method}: ${what}, methodArgs: ${methodArgs}${more}` };
}

function gaveUpReport(lost: Extract<Signal, { type: 'delivery.gaveUp' }>, node: string): Report {
	const { to, method } = lost;
	const why = 'check if node is up and running and if it got a subscriber started';
	const text =
		`info: toNode: ${to}, fromNode: ${node}, subject: ${to}.${method}: max retries reached, ` +
		`${why} for the given REQ type`;
	return { code: 'expired', text };
}
