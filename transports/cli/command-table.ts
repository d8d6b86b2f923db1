/**
 * The commands by name. Each is loaded only when it is typed, so that `reeve --help` is quick; hence
 * their summaries stand here and not in their files.
 *
 * @module
 */
import type { CommandDefinition } from './command.ts';

/** One row of the table. */
export interface CommandRow {
	/** Sentence case, no full stop. */
	readonly summary: string;
	load(): Promise<{ readonly default: CommandDefinition }>;
}

/** The table, in the order of the help. */
export const commandTable: Readonly<Record<string, CommandRow>> = {
	run: {
		summary: 'Run a node in the foreground',
		load: () => import('./commands/run.ts'),
	},
	broker: {
		summary: 'Run only the embedded MQTT broker',
		load: () => import('./commands/broker.ts'),
	},
};
