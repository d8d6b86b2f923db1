/**
 * `reeve get`: lists of what a node knows.
 *
 * @module
 */
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { actorTable } from '../output/actor-text.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import {
	deadTable,
	messageTable,
	methodTable,
	nodeTable,
	processTable,
	quarantineTable,
} from '../output/tables.ts';
import { repeat, watchOption } from '../arguments/refresh-option.ts';
import { rowsText, type Format, type TableLayout } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import type { Question } from '../../../runtime/queries/question.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** Answers one question of one kind, as text. */
type Listing = (
	rows: AsyncIterable<unknown>,
	as: { format: Format; now: number },
) => Promise<string>;

/** The listing of rows that look so; the node and this file agree on the kind by its name. */
function listing<Row>(look: TableLayout<Row>): Listing {
	return async (rows, as) => rowsText((await allRows(rows)) as Row[], look, as);
}

const listings = {
	nodes: listing(nodeTable),
	actors: listing(actorTable),
	messages: listing(messageTable),
	processes: listing(processTable),
	methods: listing(methodTable),
	dead: listing(deadTable),
	quarantine: listing(quarantineTable),
} as const;
type Kind = keyof typeof listings;
const kinds = Object.keys(listings) as Kind[];

/**
 * Lists nodes, actors, messages, processes, methods, dead letters, or what a fork has set aside.
 */
export default defineCommand({
	arguments: [{ name: '<kind>', help: 'What to list', choices: kinds }],
	options: [
		formatOption,
		watchOption,
		{ flags: '--limit <number>', help: 'How many messages or dead letters at most (100)' },
		...socketOptions,
	],
	examples: [
		'reeve get nodes',
		'reeve get messages --limit 20',
		'reeve get messages --watch',
		'reeve get actors',
		'reeve get processes --node ship1 --output json',
	],
	async run(input, tools) {
		const kind = kinds.find((each) => each === input.words[0]) ?? 'nodes';
		const client = createClient(socketPath(input, tools));
		const format = formatOf(input.options);
		const question = questionOf(kind, input.options['limit']);
		const text = () => listings[kind](client.ask(question), { format, now: tools.clock.now() });
		if (input.options['watch'] === true) return repeat(text, tools);
		tools.screen.out(await text());
		return exitCodes.ok;
	},
});

function questionOf(kind: Kind, given: string | boolean | undefined): Question {
	if (kind !== 'messages' && kind !== 'dead' && kind !== 'quarantine') return { reeve: kind };
	const limit = given === undefined ? 100 : Number(given);
	if (Number.isInteger(limit) && limit > 0) return { reeve: kind, limit };
	throw new ReeveError('bad_usage', `--limit ${String(given)}: not a number from 1 up`);
}
