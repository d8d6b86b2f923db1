/**
 * Recovery: the last child of the tree. When it starts, everything else runs; it opens the node for
 * messages from other nodes, announces the birth, and ends normally.
 *
 * @module
 */
import type { Ground } from '../composition/node-services.ts';

/** Opens the node for messages from other nodes, and announces it. */
export function recover({ phase, exchange, isSafe, journal, signals }: Ground): void {
	phase.current = 'open';
	exchange.announce();
	// Said only now, when somebody listens who tells central.
	const { quarantined: folder, uncleanStarts } = journal;
	if (folder !== undefined) signals.emit('journal.quarantined', { folder });
	if (isSafe) signals.emit('node.safe', { uncleanStarts });
}
