/**
 * The mailboxes of a node: one for each method that it takes, by its configuration or because an
 * operator has said so while it ran.
 *
 * @module
 */
import type { Config } from '../../runtime/config/config.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { createMailbox, type Mailbox } from '../../runtime/mailbox/mailbox.ts';
import {
	createProcessOverrides,
	type ProcessOverrides,
} from '../../runtime/method/process-overrides.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';

/** What {@link openMailboxes} opens. */
export interface Mailboxes {
	/** The mailboxes of the methods that this node takes, by wire name. */
	readonly mailboxes: ReadonlyMap<string, Mailbox>;
	/** Opens the mailbox of one that it does not take; from then on it does. */
	readonly openMailbox: (method: string) => Mailbox;
	/** Whether the configuration says that it takes a method: one without a switch always is. */
	readonly isTaken: (method: string) => boolean;
	/** Calls `see` whenever a message leaves one of them. */
	readonly onRemoval: (see: (mailbox: Mailbox) => void) => void;
	/** What operators have said of processes while the node ran. */
	readonly processOverrides: ProcessOverrides;
}

/** Opens the mailboxes, with what is left of earlier runs. */
export function openMailboxes(parts: {
	readonly methods: MethodRegistry;
	/** Whether a method is an actor. */
	readonly isActor: (method: string) => boolean;
	readonly journal: Journal;
	readonly config: Config;
	/** The name of this node. */
	readonly node: string;
}): Mailboxes {
	const { methods, isActor, journal, config, node } = parts;
	const removalListeners: ((mailbox: Mailbox) => void)[] = [];
	const onRemoval = (mailbox: Mailbox): void => {
		for (const see of removalListeners) see(mailbox);
	};
	const processOverrides = createProcessOverrides({ journal, keep: config.keepStopped });
	const switches: Readonly<Record<string, unknown>> = config;
	const isTaken = (method: string) => switches[`startSub${method}`] !== false;
	const isWanted = ({ name: method }: MethodDefinition) =>
		isTaken(method) || processOverrides.get({ kind: 'subscriber', method, node }) === 'started';
	const open = ({ name: method, ordering }: MethodDefinition): Mailbox => {
		const most = isActor(method) ? config.turnsAheadMax : config.callsMax;
		const concurrency = ordering === 'sequential' ? 1 : most;
		const { settlementsMax } = config;
		return createMailbox({ journal, onRemoval, method, concurrency, settlementsMax });
	};
	const wanted = methods.list().filter(isWanted);
	const mailboxes = new Map(wanted.map((definition) => [definition.name, open(definition)]));

	return {
		mailboxes,
		isTaken,
		onRemoval: (see) => void removalListeners.push(see),
		processOverrides,
		openMailbox(method) {
			const known = mailboxes.get(method);
			if (known) return known;
			const definition = methods.find(method);
			if (!definition) throw new ReeveError('unknown_method', method);
			const opened = open(definition);
			mailboxes.set(method, opened);
			return opened;
		},
	};
}
