/**
 * What the embedded broker keeps for those who subscribe later. Filters without a pattern, of which
 * a client may have many, are looked up by their name; aedes compares each with all that is kept.
 *
 * @module
 */
import { Readable } from 'node:stream';
import { matchesFilter } from '../../runtime/message/topic-filter.ts';
import { turnOfTheLoop } from '../../runtime/platform/clock.ts';

/** A publication that is kept. */
interface Kept {
	readonly topic: string;
	readonly payload: string | Uint8Array;
}

/** What is used of the store of aedes, which it does not declare. */
interface RetainedStore {
	storeRetained(packet: Kept): Promise<void>;
	createRetainedStreamCombi(filters: readonly string[]): Readable;
}

/** Keeps retained publications for a broker of aedes; call it before the first client connects. */
export function keepRetained(broker: object): void {
	const store = Reflect.get(broker, 'persistence') as RetainedStore;
	const kept = new Map<string, Kept>();
	store.storeRetained = async (packet) => {
		await Promise.resolve();
		if (packet.payload.length === 0) kept.delete(packet.topic);
		else kept.set(packet.topic, { ...packet });
	};
	store.createRetainedStreamCombi = (filters) => Readable.from(found(kept, filters));
}

/** After so many comparisons others get their turn. */
const comparedAtOnce = 1000;

async function* found(
	kept: ReadonlyMap<string, Kept>,
	filters: readonly string[],
): AsyncGenerator<Kept> {
	let compared = 0;
	for (const filter of filters) {
		if (!/[+#]/.test(filter)) {
			const exact = kept.get(filter);
			if (exact) yield exact;
			continue;
		}
		for (const [topic, packet] of kept) {
			if (matchesFilter(filter, topic)) yield packet;
			compared += 1;
			if (compared % comparedAtOnce === 0) await turnOfTheLoop();
		}
	}
}
