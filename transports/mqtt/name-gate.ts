/**
 * The gate of a node's name at the broker: no connection uses the name before a claim has
 * succeeded, nor after another client has taken the name, until the next claim.
 *
 * @module
 */
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Arrival } from '../../runtime/network/transport.ts';

/** How a claim ended. */
export type ClaimEnd = 'granted' | 'denied';

/** The parts of a gate. */
export interface GateParts {
	readonly clock: Clock;
	readonly config: Pick<Config, 'claimPauseMs'>;
	/** Makes one claim; waits for the broker until the signal is raised. Never rejects. */
	readonly claim: (isContested: boolean, signal: AbortSignal) => Promise<ClaimEnd>;
}

/** The gate, for one of the connections that use the name. */
export interface ConnectionGate {
	/** Resolves when the name may be used; false if the gate was closed for good instead. */
	enter(): Promise<boolean>;
	/**
	 * A connection under the name was lost, with the reason code that the broker gave, if any. With
	 * `isInDoubt`, the broker may have hung up on a publication.
	 */
	lost(reasonCode?: number, isInDoubt?: boolean): void;
}

/** The gate that {@link createNameGate} makes. */
export interface NameGate {
	/** The gate for one more connection: the losses of each connection are counted separately. */
	connection(): ConnectionGate;
	end(): void;
}

/** MQTT 5.0's reason code for a session that another connection has taken over; section 2.4. */
const sessionTakenOver = 0x8e;
/**
 * This many losses without a reason within this time mean the same: a 3.1.1 broker sends no reason,
 * and two clients of one name disconnect each other many times in a second. Any other reason does
 * not concern the name.
 */
const unexplained = { count: 3, withinMs: 10_000 } as const;

/** Creates a gate. It is shut until the first claim succeeds. */
export function createNameGate({ clock, config, claim }: GateParts): NameGate {
	const ending = new AbortController();
	let isGranted = false;
	let isContested = false;
	let notBefore = -Infinity;
	let entering: Promise<boolean> | undefined;

	/** Postpones the next claim, with jitter, so that two rivals do not return at the same time. */
	const postpone = (): void => {
		notBefore = clock.monotonic() + config.claimPauseMs * (1 + clock.random());
	};
	const enter = async (): Promise<boolean> => {
		const { signal } = ending;
		while (!isGranted && !signal.aborted) {
			const delayMs = notBefore - clock.monotonic();
			if (delayMs > 0) await pause(clock, delayMs, signal);
			if (signal.aborted) break;
			isGranted = (await claim(isContested, signal)) === 'granted';
			if (!isGranted) postpone();
		}
		isContested = false;
		entering = undefined;
		return !signal.aborted;
	};

	const withdraw = (isSure: boolean): void => {
		if (!isGranted) return;
		isGranted = false;
		isContested = true;
		if (isSure) postpone();
	};
	const createConnectionGate = (): ConnectionGate => {
		let losses: number[] = [];
		return {
			enter() {
				if (isGranted) return Promise.resolve(!ending.signal.aborted);
				entering ??= enter();
				return entering;
			},
			lost(reasonCode, isInDoubt = false) {
				if (reasonCode !== undefined && reasonCode !== sessionTakenOver) return;
				const now = clock.monotonic();
				losses = [...losses.filter((at) => at >= now - unexplained.withinMs), now];
				if (reasonCode === undefined && losses.length < unexplained.count) return;
				losses = [];
				// If a publication is the reason, the claim succeeds, and nothing should wait for it.
				withdraw(reasonCode !== undefined || !isInDoubt);
			},
		};
	};
	return { connection: createConnectionGate, end: () => ending.abort() };
}

/** Called for each publication that arrives. */
type See = (topic: string, payload: Uint8Array, arrival?: Arrival) => void;

/** Keeps what arrives before `onPacket` is called: retained messages may arrive first. */
export function createRelay(): { readonly arrived: See; readonly onPacket: (see: See) => void } {
	const early: Parameters<See>[] = [];
	let receiver: See | undefined;
	return {
		arrived(...packet) {
			if (receiver) receiver(...packet);
			else early.push(packet);
		},
		onPacket(see) {
			receiver = see;
			for (const packet of early.splice(0)) see(...packet);
		},
	};
}
