/**
 * The search for a publication on which the broker hangs up, because of its size, its topic,
 * missing rights or a protocol error.
 *
 * The candidates are the publications without an answer when the connection ended. After each such
 * end at most half as many are under way at a time, until it ends with a single one: that one is
 * found out. Crash recovery finds messages that kill a process in the same way. While nothing
 * happens, the number is doubled again.
 *
 * @module
 */
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Verdict } from '../../runtime/network/transport.ts';

/** The search that {@link createHangUpTrial} makes, for one connection. */
export interface HangUpTrial {
	/**
	 * Sends a publication, now or when fewer are under way. With `isTrial` the verdict must wait for
	 * the broker, also with QoS 0.
	 */
	run(qos: 0 | 1, send: (isTrial: boolean) => Promise<Verdict>): Promise<Verdict>;
	/** The broker has answered: it has taken everything before. */
	answered(): void;
	/** Whether publications have no answer yet. */
	isInDoubt(): boolean;
	/** The connection is lost; called before the publications under way get their verdicts. */
	lost(hasHungUp: boolean): void;
	end(): void;
}

/** A publication that is under way, or waits for its turn. */
interface Candidate {
	readonly send: (isTrial: boolean) => Promise<Verdict>;
	readonly resolve: (verdict: Verdict) => void;
	isFound: boolean;
}

/** From this number on, all publications may be under way again. */
const enough = 64;

/** Creates a search; at first nothing is in doubt. */
export function createHangUpTrial(parts: {
	readonly clock: Clock;
	readonly config: Pick<Config, 'hangUpTrialMs'>;
}): HangUpTrial {
	const { clock, config } = parts;
	/** How many publications may be under way. */
	let limit = Infinity;
	/** Publications with QoS 0 since the last answer. */
	let unanswered = 0;
	let timer: Timer | undefined;
	const underWay = new Set<Candidate>();
	let waiting: Candidate[] = [];

	const start = (candidate: Candidate): void => {
		underWay.add(candidate);
		void candidate.send(limit < Infinity).then((verdict) => {
			underWay.delete(candidate);
			candidate.resolve(candidate.isFound ? 'hung_up' : verdict);
			goOn();
		});
	};
	const goOn = (): void => {
		while (underWay.size < limit) {
			const next = waiting.shift();
			if (!next) return;
			start(next);
		}
	};
	const relax = (): void => {
		timer?.cancel();
		timer = clock.after(config.hangUpTrialMs, () => {
			timer = undefined;
			limit = limit * 2 >= enough ? Infinity : limit * 2;
			if (limit < Infinity) relax();
			goOn();
		});
	};

	return {
		run(qos, send) {
			if (limit === Infinity && qos === 0) unanswered += 1;
			return new Promise((resolve) => {
				const candidate = { send, resolve, isFound: false };
				if (underWay.size < limit) start(candidate);
				else waiting.push(candidate);
			});
		},
		answered: () => void (unanswered = 0),
		isInDoubt: () => underWay.size + unanswered > 0,
		lost(hasHungUp) {
			const candidates = underWay.size + unanswered;
			if (hasHungUp && candidates > 0) {
				if (candidates === 1) for (const candidate of underWay) candidate.isFound = true;
				limit = Math.max(1, Math.floor(Math.min(limit, candidates) / 2));
				relax();
			}
			unanswered = 0;
			const dropped = waiting;
			waiting = [];
			for (const { resolve } of dropped) resolve('not_connected');
		},
		end: () => timer?.cancel(),
	};
}
