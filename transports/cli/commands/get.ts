/**
 * `reeve get` lists what a node knows: nodes, actors, messages and more.
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
	damagedTable,
	quarantineTable,
} from '../output/tables.ts';
import { repeat, watchOption } from '../arguments/refresh-option.ts';
import { rowsText, type Format, type TableLayout } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import type { Question } from '../../../runtime/queries/question.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** Prints the rows of one kind as text. */
type Listing = (
	rows: AsyncIterable<unknown>,
	as: { format: Format; now: number },
) => Promise<string>;

/** A listing with this layout; the kind's name decides which rows the node sends. */
function listing<Row>(layout: TableLayout<Row>): Listing {
	return async (rows, as) => rowsText((await allRows(rows)) as Row[], layout, as);
}

const listings = {
	nodes: listing(nodeTable),
	actors: listing(actorTable),
	messages: listing(messageTable),
	processes: listing(processTable),
	methods: listing(methodTable),
	dead: listing(deadTable),
	quarantine: listing(quarantineTable),
	damaged: listing(damagedTable),
} as const;
type Kind = keyof typeof listings;
const kinds = Object.keys(listings) as Kind[];

/**
 * Lists nodes, actors, messages, processes, methods, dead letters, the quarantine of a fork, or
 * damaged rows of the store.
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
	if (!isLimited(kind)) return { reeve: kind };
	const limit = given === undefined ? 100 : Number(given);
	if (Number.isInteger(limit) && limit > 0) return { reeve: kind, limit };
	throw new ReeveError('bad_usage', `--limit ${String(given)}: not a number from 1 up`);
}

/** Those of which there may be many. */
const limited = ['messages', 'dead', 'quarantine', 'damaged'] as const;

function isLimited(kind: Kind): kind is (typeof limited)[number] {
	return limited.some((one) => one === kind);
}
