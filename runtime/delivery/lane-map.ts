/**
 * A map by lane: the lanes of others are named by their store and their name, and are looked up for
 * every frame. Two maps in each other cost less than a text that is put together each time.
 *
 * @module
 */

/** What names a lane of another node: any frame of it. */
export interface LaneOfStore {
	readonly storeId: string;
	readonly lane?: string;
}

/** A map from lanes of other nodes, see {@link createLaneMap}. */
export interface LaneMap<Value> {
	readonly size: number;
	get(lane: LaneOfStore): Value | undefined;
	set(lane: LaneOfStore, value: Value): void;
	delete(lane: LaneOfStore): void;
	clear(): void;
}

/** Creates an empty one. */
export function createLaneMap<Value>(): LaneMap<Value> {
	const stores = new Map<string, Map<string, Value>>();
	let size = 0;
	return {
		get size() {
			return size;
		},
		get: ({ storeId, lane = '' }) => stores.get(storeId)?.get(lane),
		set({ storeId, lane = '' }, value) {
			let lanes = stores.get(storeId);
			if (!lanes) stores.set(storeId, (lanes = new Map()));
			const before = lanes.size;
			lanes.set(lane, value);
			size += lanes.size - before;
		},
		delete({ storeId, lane = '' }) {
			const lanes = stores.get(storeId);
			if (!lanes?.delete(lane)) return;
			size -= 1;
			if (lanes.size === 0) stores.delete(storeId);
		},
		clear() {
			stores.clear();
			size = 0;
		},
	};
}
