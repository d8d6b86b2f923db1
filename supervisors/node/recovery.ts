/**
 * Recovery: the last child of the tree. When it starts, everything else runs; it opens the node for
 * messages from other nodes, announces the birth, and ends normally.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import { killOrphans } from '../../actors/io/orphan-commands.ts';
import { stepIds } from '../../actors/turn/step-rows.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	'clock' | 'isSafe' | 'journal' | 'mailboxes' | 'network' | 'phase' | 'signals'
>;

/** Opens the node for messages from other nodes, and announces it. */
export function recover({ phase, network, isSafe, journal, signals }: Services): void {
	phase.open();
	network.announce();
	journal.begun();
	// Emit these only now, when the error reports to central run.
	const { quarantined: folder, uncleanStarts } = journal;
	if (folder !== undefined) signals.emit('journal.quarantined', { folder });
	journal.onDamage(({ table, key, text: detail }) => {
		signals.emit('journal.rowDamaged', { table, key: JSON.stringify(key), detail });
	});
	if (isSafe) signals.emit('node.safe', { uncleanStarts });
}

/** Ends the commands of this node that an earlier process has left running. */
export async function endOrphans({
	journal,
	mailboxes,
	clock,
	signals,
}: Services): Promise<'ignore'> {
	const messages = new Set<string>();
	for (const box of mailboxes.values()) for (const { row } of box.started()) messages.add(row.id);
	// Commands of steps carry the id of their step, as commands of messages carry theirs.
	for (const id of stepIds(journal)) messages.add(id);
	for (const { message, pid } of await killOrphans({ storeId: journal.storeId, messages }, clock)) {
		signals.emit('orphan.killed', { id: message, pid });
	}
	return 'ignore';
}
