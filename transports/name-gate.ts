/**
 * The gate in front of a name at the broker: nobody connects under it before a claim has succeeded, nor
 * again after somebody else has taken it.
 *
 * @module
 */
import { pause, type Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';

/** How a claim ended; `lost` if the connection did not last, or there was none. */
export type ClaimEnd = 'granted' | 'denied' | 'lost';

/** What a gate works with. */
export interface GateParts {
	readonly clock: Clock;
	readonly config: Pick<Config, 'claimPauseMs' | 'resendMsMin' | 'resendMsMax'>;
	/** Makes one claim. Never rejects. */
	readonly claim: (isContested: boolean) => Promise<ClaimEnd>;
	/** Called when the broker could not be reached twice in a row. */
	readonly onUnreachable: () => void;
}

/** The gate that {@link createNameGate} makes. */
export interface NameGate {
	/** Resolves when the name may be used; false if the gate was closed for good instead. */
	enter(): Promise<boolean>;
	/** A connection under the name was lost, with the reason code that the broker gave, if any. */
	lost(reasonCode?: number): void;
	end(): void;
}

/** MQTT 5.0's reason code for a session that another connection has taken over; section 2.4. */
const sessionTakenOver = 0x8e;
/**
 * This many losses without a reason within this time mean the same, because a 3.1.1 broker cannot say
 * it: two clients of one name throw each other out many times in a second.
 */
const unexplained = { count: 3, withinMs: 10_000 } as const;

/** Creates a gate. It is shut until the first claim succeeds. */
export function createNameGate({ clock, config, claim, onUnreachable }: GateParts): NameGate {
	const ending = new AbortController();
	const losses: number[] = [];
	let isGranted = false;
	let isContested = false;
	let failures = 0;
	let notBefore = -Infinity;
	let entering: Promise<boolean> | undefined;

	/** With jitter, so that two that found each other out do not come back at the same time. */
	const postpone = (): void => {
		notBefore = clock.monotonic() + config.claimPauseMs * (1 + clock.random());
	};
	const pauseMs = (): number => {
		const { resendMsMin, resendMsMax } = config;
		if (failures === 1) return 50;
		const baseMs = Math.min(resendMsMax, resendMsMin * 2 ** Math.min(failures - 1, 6));
		return failures === 0 ? 0 : baseMs * (0.5 + clock.random() / 2);
	};
	const enter = async (): Promise<boolean> => {
		while (!isGranted && !ending.signal.aborted) {
			const delayMs = Math.max(notBefore - clock.monotonic(), pauseMs());
			if (delayMs > 0) await pause(clock, delayMs, ending.signal);
			if (ending.signal.aborted) break;
			const end = await claim(isContested);
			failures = end === 'lost' ? failures + 1 : 0;
			if (failures === 2) onUnreachable();
			if (end === 'denied') postpone();
			isGranted = end === 'granted';
		}
		isContested = false;
		entering = undefined;
		return !ending.signal.aborted;
	};

	return {
		enter() {
			if (isGranted) return Promise.resolve(!ending.signal.aborted);
			entering ??= enter();
			return entering;
		},
		lost(reasonCode) {
			const now = clock.monotonic();
			losses.push(now);
			while ((losses[0] ?? now) < now - unexplained.withinMs) losses.shift();
			if (reasonCode !== sessionTakenOver && losses.length < unexplained.count) return;
			losses.length = 0;
			if (!isGranted) return;
			isGranted = false;
			isContested = true;
			postpone();
		},
		end: () => ending.abort(),
	};
}

/** Called for each publication that arrives. */
type See = (topic: string, payload: Uint8Array) => void;

/** Keeps what arrives before anybody looks: retained messages may be quicker than the caller. */
export function createRelay(): { readonly arrived: See; onPacket(see: See): void } {
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
