/**
 * Processes as operators see them: the children of `subscribers` and `publishers`, which they may
 * list, stop and start while the node runs.
 *
 * A stopped process keeps its messages: those for a subscriber are accepted and wait, those of a
 * publisher wait in the outbox. What ran in a subscriber when it was stopped is treated as after a
 * crash when it is started.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { Processes, ProcessName, ProcessRow } from '../../runtime/method/processes.ts';
import type { ChildRow, Refusal } from '../otp/child-management.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { childrenOf, supervisorNamed } from '../otp/registered-supervisors.ts';

/** What processes are operated with. */
export interface ProcessParts {
	readonly services: Pick<
		NodeServices,
		| 'node'
		| 'outbox'
		| 'mailboxes'
		| 'methods'
		| 'processOverrides'
		| 'names'
		| 'openMailbox'
		| 'isTaken'
	>;
	/** Makes the subscriber of a method that has had none so far. */
	readonly subscriber: (mailbox: Mailbox, processes: Processes) => ChildSpec;
}

/**
 * They cannot be stopped: without them nothing could be started again, and a process that stops
 * itself would wait for its own end.
 */
const neededSubscribers = new Set([
	'REQOpProcessList',
	'REQOpProcessStart',
	'REQOpProcessStop',
	'REQOpCommand',
]);
/** Outcomes travel with it: without it no sender would learn anything more. */
const neededPublisher = 'REQNone';

/** Creates the view on the processes of a node. */
export function createProcesses(parts: ProcessParts): Processes {
	const { services } = parts;
	const subscribers = () => supervisorNamed(services.names, 'subscribers');
	const publishers = () => supervisorNamed(services.names, 'publishers');
	const { node, outbox, mailboxes, methods, processOverrides } = services;

	const list = async (): Promise<readonly ProcessRow[]> => {
		const [below, above] = await Promise.all([
			childrenOf(services.names, 'subscribers'),
			childrenOf(services.names, 'publishers'),
		]);
		const takers = below.map((child): ProcessRow => {
			const kind = methods.find(child.id)?.kind ?? 'EventACK';
			const waiting = mailboxes.get(child.id)?.size() ?? 0;
			const name = `${node}.${child.id}.${kind}`;
			const own = { kind: 'subscriber', method: child.id, node, name, waiting } as const;
			return { ...own, ...stateOf(child) };
		});
		const senders = above.flatMap((child): ProcessRow[] => {
			const lane = outbox.lane(child.id);
			if (!lane) return [];
			const { to, method, name, next, lo } = lane;
			const own = { kind: 'publisher', method, node: to, name: name.replace(/\/$/, '') } as const;
			return [{ ...own, waiting: next - lo, ...stateOf(child) }];
		});
		return [...takers.toSorted(byName), ...senders.toSorted(byName)];
	};

	const find = async (wanted: ProcessName): Promise<readonly ProcessRow[]> => {
		const { kind, method, node: at, id } = wanted;
		const all = await list();
		const same = all.filter((row) => row.kind === kind && row.method === method && row.node === at);
		return id === undefined ? same : same.filter((row) => row.id === id);
	};
	const wireName = (method: string) => methods.find(method)?.name ?? method;
	const named = (wanted: ProcessName): ProcessName => ({
		...wanted,
		method: wireName(wanted.method),
		node: wanted.node === 'local' ? node : wanted.node,
	});
	const childIdOf = ({ kind, method, name }: ProcessRow): string => {
		if (kind === 'subscriber') return method;
		for (const lane of outbox.lanes()) if (lane.name.replace(/\/$/, '') === name) return lane.name;
		return name;
	};
	const above = (row: ProcessName) => (row.kind === 'subscriber' ? subscribers() : publishers());

	/** Starts the subscriber of a method that the configuration leaves out. */
	const startNew = async ({ method }: ProcessName): Promise<void> => {
		if (!methods.find(method)) throw new ReeveError('unknown_method', method);
		check(
			await subscribers().startChild(parts.subscriber(services.openMailbox(method), processes)),
		);
	};

	const processes: Processes = {
		list,
		async start(given) {
			const wanted = named(given);
			const found = await find(wanted);
			const isSubscriber = wanted.kind === 'subscriber';
			if (found.length === 0 && !isSubscriber) throw notFound(wanted, 'start');
			if (found.length === 0 && !methods.find(wanted.method)) {
				throw new ReeveError('unknown_method', wanted.method);
			}
			const isLeftOut = isSubscriber && !services.isTaken(wanted.method);
			await processOverrides.set(wanted, isLeftOut ? 'started' : undefined);
			if (found.length === 0) await startNew(wanted);
			for (const row of found) {
				if (row.id === undefined) check(await above(row).restartChild(childIdOf(row)));
			}
			return find({ ...wanted, id: undefined });
		},
		async stop(given) {
			const wanted = named(given);
			const { kind, method } = wanted;
			const isNeeded =
				kind === 'subscriber' ? neededSubscribers.has(method) : method === neededPublisher;
			if (isNeeded) throw new ReeveError('process_needed', `${kind} of ${method}`);
			const found = await find(wanted);
			if (found.length === 0) throw notFound(wanted, 'stop');
			await processOverrides.set(wanted, 'stopped');
			for (const row of found) check(await above(row).terminateChild(childIdOf(row)));
			return found;
		},
	};
	return processes;
}

/** Steward's text. */
function notFound({ kind, method, node, id }: ProcessName, what: string): ReeveError {
	const which = [kind, `${node}.${method}`, id === undefined ? '' : `id ${id}`].join(' ').trim();
	return new ReeveError('not_found', `did not find process to ${what}: ${which}`);
}

function stateOf({ child, state }: ChildRow): Pick<ProcessRow, 'id' | 'state'> {
	if (!child) return { state: state === 'running' ? 'stopped' : state };
	return { state, id: child.pid.slice(child.pid.lastIndexOf('#') + 1) };
}

function check(answer: object | Refusal): void {
	if (!('error' in answer) || answer.error === 'already_started' || answer.error === 'running')
		return;
	throw new ReeveError('start_failed', answer.error, { cause: answer.cause });
}

function byName(one: ProcessRow, other: ProcessRow): number {
	return one.name < other.name ? -1 : 1;
}
