/**
 * The announcement of this node to all others: its retained birth, and the death that is its will or
 * its goodbye.
 *
 * @module
 */
import { formatTopic } from './address.ts';
import { frameVersion, writeStatus, type Status } from './frame.ts';
import type { Self } from './exchange.ts';
import type { Publication, Wire } from './wire.ts';

/** The announcement that {@link createAnnouncement} makes. */
export interface Announcement {
	/** What the broker says for us if we die. */
	will(): Publication;
	/** A wire came up. */
	up(wire: Wire): void;
	/** From now on the node is announced, also on wires that come later. */
	begin(): void;
	/** Says goodbye; resolves when the brokers have it. */
	end(): Promise<void>;
	/** Says nothing any more. */
	silence(): void;
	/** Hears what is said in the name of this node. */
	hear(status: Status): void;
}

/** Creates the announcement of a node. */
export function createAnnouncement(parts: {
	self: Self;
	wires: ReadonlySet<Wire>;
	/** A later life of this very store has announced itself. */
	onLaterLife: () => void;
}): Announcement {
	const { self, wires, onLaterLife } = parts;
	let isBegun = false;

	const publication = (state: Status['state']): Publication => ({
		topic: formatTopic(self.prefix, { part: 'status', node: self.node }),
		payload: writeStatus({
			v: frameVersion,
			state,
			node: self.node,
			storeId: self.storeId,
			epoch: self.epoch,
			...(state === 'online' ? birthOf(self) : {}),
		}),
		qos: 1,
		retain: true,
	});
	const announce = (): void => {
		if (isBegun) for (const wire of wires) void wire.publish(publication('online'));
	};

	return {
		will: () => publication('offline'),
		up(wire) {
			if (isBegun) void wire.publish(publication('online'));
		},
		begin() {
			isBegun = true;
			announce();
		},
		async end() {
			if (!isBegun) return;
			// First, or the echo of the goodbye would be contradicted.
			isBegun = false;
			await Promise.all([...wires].map((wire) => wire.publish(publication('offline'))));
		},
		silence: () => void (isBegun = false),
		hear({ state, storeId, epoch }) {
			const isOurStore = storeId === self.storeId;
			if (isOurStore && epoch > self.epoch) onLaterLife();
			// The will of an earlier life, or connection, may come after our birth, and is retained.
			else if (state === 'offline' || (isOurStore && epoch < self.epoch)) announce();
		},
	};
}

function birthOf({ methods, host, mode }: Self) {
	return { methods: methods(), ...(host ? { host } : {}), ...(mode ? { mode } : {}) };
}
