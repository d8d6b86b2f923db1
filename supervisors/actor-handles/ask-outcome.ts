/**
 * Waits for the answer to an ask: one watch for each thing that can end it. The first one that
 * happens is told, and the signal ends the others.
 *
 * @module
 */
import type { AskTimeoutReason } from '../../actors/definition/effects.ts';
import type { Timer } from '../../runtime/platform/clock.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import { testimonyOf } from '../operations/audit.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { monitorRemote } from '../otp/monitors.ts';
import type { Outcome } from '../../runtime/message/message.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	| 'clock'
	| 'config'
	| 'hostRuntimes'
	| 'intake'
	| 'journal'
	| 'ledger'
	| 'node'
	| 'outbox'
	| 'presence'
	| 'received'
	| 'signals'
>;

/** One ask that is waited for. */
export interface Watch {
	readonly id: string;
	readonly target: ActorTarget;
	readonly timeoutMs: number;
	readonly resolve: (reply: ActorReply) => void;
	readonly none: (reason: AskTimeoutReason) => void;
	/** Aborted when the wait is over. */
	readonly signal: AbortSignal;
}

/** Starts waiting. */
export function watchAsk(services: Services, watch: Watch): void {
	watchDeadline(services, watch);
	watchOutcome(services, watch);
	if (watch.target.to !== services.node) watchNode(services, watch);
	watchParking(services, watch);
}

function watchDeadline({ clock }: Services, watch: Watch): void {
	const timer = deadline(clock, watch.timeoutMs, () => watch.none('deadline'));
	watch.signal.addEventListener('abort', () => timer.cancel());
}

function watchOutcome(services: Services, { id, resolve, signal }: Watch): void {
	const { signals } = services;
	const look = (): void => {
		const reply = replyOf(services, id);
		if (reply) resolve(reply);
	};
	const unsubscribe = signals.subscribe((seen) => {
		if (seen.type === 'message.settled' && seen.id === id) look();
	});
	signal.addEventListener('abort', unsubscribe);
	look();
}

/** The outcome of a settled message in the ledger. */
function replyOf({ ledger, config }: Services, id: string): ActorReply | undefined {
	const { settledAt, result, output: data } = ledger.get(id) ?? {};
	if (settledAt === undefined || !result) return undefined;
	const { outcome, code, detail } = result;
	if (code === 'unknown_method') return { id, outcome: 'unanswered', reason: 'noproc' };
	const isCut = Buffer.byteLength(data ?? '') >= config.outputKeptBytesMax;
	return {
		id,
		outcome,
		...(data === undefined ? {} : { data }),
		...(isCut ? { isCut } : {}),
		...(code === undefined ? {} : { code }),
		...(detail === undefined ? {} : { detail }),
	};
}

function watchNode({ presence }: Services, { target, none, signal }: Watch): void {
	const { to: node, name } = target;
	const monitor = monitorRemote({ node, name }, { presence }, () => none('noconnection'));
	signal.addEventListener('abort', () => monitor.demonitor());
}

/**
 * When the receiver is first asked why it does not answer, and the longest pause between two
 * questions.
 */
const firstProbeMs = 1000;
const probeMsMax = 30_000;

/**
 * Finds out whether the instance is parked: here at once, elsewhere by asking, less and less often.
 */
function watchParking(services: Services, watch: Watch): void {
	const { target, none, signal, id } = watch;
	const { clock, node, hostRuntimes, signals } = services;
	const { name, key, to: receiver } = target;
	if (receiver === node) {
		const look = (): void => {
			if (hostRuntimes.get(name)?.parked().has(key)) none('parked');
		};
		const unsubscribe = signals.subscribe(({ type }) => {
			if (type === 'instance.parked') look();
		});
		signal.addEventListener('abort', unsubscribe);
		look();
		return;
	}
	let timer: Timer | undefined;
	const probe = async (): Promise<void> => {
		const waitSeconds = Math.max(1, Math.ceil(watch.timeoutMs / 1000));
		const { states } = await testimonyOf(services, [id], { receiver, waitSeconds, signal });
		if (states[0]?.isParked) none('parked');
	};
	const plan = (delayMs: number): void => {
		timer = clock.after(delayMs, () => {
			probe()
				// A receiver that does not even answer that is told by its monitor, or by the deadline.
				.catch(() => undefined)
				.finally(() => {
					if (!signal.aborted) plan(Math.min(delayMs * 2, probeMsMax));
				});
		});
	};
	plan(firstProbeMs);
	signal.addEventListener('abort', () => timer?.cancel());
}

/** How an ask ended: with the outcome of the message, or without an answer. */
export type ActorReply =
	| {
			readonly id: string;
			readonly outcome: Outcome;
			/** What the actor has answered, as text; JSON unless it was text or bytes. */
			readonly data?: string;
			/** Set if the answer may have been cut at `outputKeptBytesMax`. */
			readonly isCut?: true;
			readonly code?: string;
			readonly detail?: string;
	  }
	| { readonly id: string; readonly outcome: 'unanswered'; readonly reason: AskTimeoutReason };

/** An instance, named in full. */
export interface ActorTarget {
	readonly to: string;
	readonly name: string;
	readonly key: string;
}
