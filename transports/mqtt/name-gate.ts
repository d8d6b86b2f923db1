/**
 * The gate in front of a name at the broker: nobody connects under it before a claim has succeeded,
 * nor again after somebody else has taken it.
 *
 * @module
 */
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';

/** How a claim ended. */
export type ClaimEnd = 'granted' | 'denied';

/** What a gate works with. */
export interface GateParts {
	readonly clock: Clock;
	readonly config: Pick<Config, 'claimPauseMs'>;
	/** Makes one claim, however long that takes; until the signal is raised. Never rejects. */
	readonly claim: (isContested: boolean, signal: AbortSignal) => Promise<ClaimEnd>;
}

/** The gate, for one of the lines that use the name. */
export interface LineGate {
	/** Resolves when the name may be used; false if the gate was closed for good instead. */
	enter(): Promise<boolean>;
	/** A connection under the name was lost, with the reason code that the broker gave, if any. */
	lost(reasonCode?: number): void;
}

/** The gate that {@link createNameGate} makes. */
export interface NameGate {
	/** For one more line: the losses of each are counted by themselves. */
	line(): LineGate;
	end(): void;
}

/** MQTT 5.0's reason code for a session that another connection has taken over; section 2.4. */
const sessionTakenOver = 0x8e;
/**
 * This many losses without a reason within this time mean the same, because a 3.1.1 broker cannot
 * say it: two clients of one name throw each other out many times in a second. Any other reason is
 * no fault of the name.
 */
const unexplained = { count: 3, withinMs: 10_000 } as const;

/** Creates a gate. It is shut until the first claim succeeds. */
export function createNameGate({ clock, config, claim }: GateParts): NameGate {
	const ending = new AbortController();
	let isGranted = false;
	let isContested = false;
	let notBefore = -Infinity;
	let entering: Promise<boolean> | undefined;

	/** With jitter, so that two that found each other out do not come back at the same time. */
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

	const withdraw = (): void => {
		if (!isGranted) return;
		isGranted = false;
		isContested = true;
		postpone();
	};
	const createLine = (): LineGate => {
		let losses: number[] = [];
		return {
			enter() {
				if (isGranted) return Promise.resolve(!ending.signal.aborted);
				entering ??= enter();
				return entering;
			},
			lost(reasonCode) {
				if (reasonCode !== undefined && reasonCode !== sessionTakenOver) return;
				const now = clock.monotonic();
				losses = [...losses.filter((at) => at >= now - unexplained.withinMs), now];
				if (reasonCode === undefined && losses.length < unexplained.count) return;
				losses = [];
				withdraw();
			},
		};
	};
	return { line: createLine, end: () => ending.abort() };
}

/** Called for each publication that arrives. */
type See = (topic: string, payload: Uint8Array) => void;

/** Keeps what arrives before anybody looks: retained messages may be quicker than the caller. */
export function createRelay(): { readonly arrived: See; readonly onPacket: (see: See) => void } {
	const early: Parameters<See>[] = [];
	let look: See | undefined;
	return {
		arrived(topic, payload) {
			if (look) look(topic, payload);
			else early.push([topic, payload]);
		},
		onPacket(see) {
			look = see;
			for (const [topic, payload] of early.splice(0)) see(topic, payload);
		},
	};
}
