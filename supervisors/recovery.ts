/**
 * Recovery: the last child of the tree. When it starts, everything else runs; it opens the node for
 * messages from other nodes, announces the birth, and ends normally.
 *
 * @module
 */
import type { Ground } from './ground.ts';

/** Opens the node for messages from other nodes, and announces it. */
export function recover({ phase, exchange }: Ground): void {
	phase.current = 'open';
	exchange.announce();
}
