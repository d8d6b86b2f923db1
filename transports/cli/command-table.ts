/**
 * The commands by name, with their summaries. A command's file is loaded only when the command is
 * typed, so that `reeve --help` is quick.
 *
 * @module
 */
import type { CommandDefinition } from './arguments/command.ts';

/** One row of the table. */
export interface CommandRow {
	/** Sentence case, no full stop. */
	readonly summary: string;
	load(): Promise<{ readonly default: CommandDefinition }>;
}

/** The table, in the order of the help. */
export const commandTable: Readonly<Record<string, CommandRow>> = {
	dev: {
		summary: 'Start a whole fleet here: broker, central, ship1, ship2',
		load: () => import('./commands/dev.ts'),
	},
	run: {
		summary: 'Run a node in the foreground',
		load: () => import('./commands/run.ts'),
	},
	broker: {
		summary: 'Run only the embedded MQTT broker',
		load: () => import('./commands/broker.ts'),
	},
	send: {
		summary: 'Send a message and wait for the answers',
		load: () => import('./commands/send.ts'),
	},
	get: {
		summary: 'List nodes, actors, messages, processes, methods or dead letters',
		load: () => import('./commands/get.ts'),
	},
	describe: {
		summary: 'Show everything known about one message, node, actor or process',
		load: () => import('./commands/describe.ts'),
	},
	explain: {
		summary: 'Show how to use a method: arguments, example, topics',
		load: () => import('./commands/explain.ts'),
	},
	events: {
		summary: 'Show what happens on a node, as it happens',
		load: () => import('./commands/events.ts'),
	},
	doctor: {
		summary: 'Check what a node needs, with the cure for each problem',
		load: () => import('./commands/doctor.ts'),
	},
	retry: {
		summary: 'Send failed messages again',
		load: () => import('./commands/retry.ts'),
	},
	resend: {
		summary: 'Send any recorded message again',
		load: () => import('./commands/resend.ts'),
	},
	cancel: {
		summary: 'Cancel messages, here or at their receivers',
		load: () => import('./commands/cancel.ts'),
	},
	drop: {
		summary: 'Forget dead letters and settled messages',
		load: () => import('./commands/drop.ts'),
	},
	replay: {
		summary: 'Replay stored actors with new definitions, and show what would differ',
		load: () => import('./commands/replay.ts'),
	},
	fork: {
		summary: 'Try events on a copy of an instance of an actor',
		load: () => import('./commands/fork.ts'),
	},
	new: {
		summary: 'Write a first actor or method, with its spec',
		load: () => import('./commands/new.ts'),
	},
	actors: {
		summary: 'Reload or check actor definitions, and unpark instances',
		load: () => import('./commands/actors.ts'),
	},
	audit: {
		summary: 'Compare the ledgers of both ends: what is lost, what is doubled',
		load: () => import('./commands/audit.ts'),
	},
	tree: {
		summary: 'Draw the supervision tree of a node',
		load: () => import('./commands/tree.ts'),
	},
	backup: {
		summary: 'Copy the journal of a running node',
		load: () => import('./commands/backup.ts'),
	},
	config: {
		summary: 'Show, check or document the configuration',
		load: () => import('./commands/config.ts'),
	},
	keys: {
		summary: 'Make, show, trust and revoke keys',
		load: () => import('./commands/keys.ts'),
	},
	acl: {
		summary: 'Show or change who may call which method of a node',
		load: () => import('./commands/acl.ts'),
	},
	install: {
		summary: "Print a unit for systemd, or the permissions for the nodes' broker",
		load: () => import('./commands/install.ts'),
	},
	demo: {
		summary: 'Kill nodes in the middle of work, and count what was lost',
		load: () => import('./commands/demo.ts'),
	},
};
