/**
 * `reeve describe` shows everything that a node knows about one message, node, actor or process.
 *
 * @module
 */
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import type { DefinitionRow, InstanceRow } from '../../../runtime/queries/actor-rows.ts';
import type { MessageTimeline } from '../../../runtime/queries/operation-rows.ts';
import { definitionText, instanceName, instanceText } from '../output/actor-text.ts';
import { allRows, createClient, type Client } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { aboutText, neighbourText, processText, type AboutRow } from '../output/description.ts';
import { rowsText } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { messageTimelineText } from '../output/timeline.ts';
import type { NodeRow, ProcessRow } from '../../../runtime/queries/question.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** A thing that was found, as data and as text. */
interface Found {
	readonly row: object;
	readonly name: string;
	readonly text: Promise<string>;
}

type Finder = (client: Client, id: string, now: number) => Promise<Found>;

const finders: Readonly<Record<string, Finder>> = {
	async message(client, id, now) {
		const timelines = await allRows(client.ask<MessageTimeline>({ reeve: 'message', id }));
		const timeline = only(timelines, `message ${id}`);
		const { sent = timeline.received, ...rest } = timeline;
		const text = messageTimelineText(timeline, now);
		return { row: { ...sent, ...rest }, name: timeline.id, text };
	},
	async node(client, id, now) {
		const about = only(await allRows(client.ask<AboutRow>({ reeve: 'node' })), 'node');
		if (about.name === id) return { row: about, name: id, text: aboutText(about) };
		const rows = await allRows(client.ask<NodeRow>({ reeve: 'nodes' }));
		const row = only(beginning(rows, id), `node ${id}`);
		return { row, name: row.name, text: neighbourText(row, now) };
	},
	async actor(client, id, now) {
		const { actor, key } = instanceName(id);
		const ask = <Row>(of: string | undefined) =>
			allRows(client.ask<Row>({ reeve: 'actor', actor, key: of }));
		if (key === undefined) {
			const row = only(await ask<DefinitionRow>(key), `actor ${id}`);
			return { row, name: row.name, text: definitionText(row) };
		}
		const row = only(await ask<InstanceRow>(key), `actor ${id}`);
		return { row, name: id, text: instanceText(row, now) };
	},
	async process(client, id) {
		const rows = await allRows(client.ask<ProcessRow>({ reeve: 'processes' }));
		const row = only(beginning(rows, id), `process ${id}`);
		return { row, name: row.name, text: processText(row) };
	},
};

/** Describes one thing; any unique beginning of its name is enough. */
export default defineCommand({
	arguments: [
		{ name: '<kind>', help: 'What it is', choices: Object.keys(finders) },
		{ name: '<id>', help: 'Its name or id, or any unique beginning of it' },
	],
	options: [formatOption, ...socketOptions],
	examples: [
		'reeve describe message 01KA',
		'reeve describe node ship1',
		'reeve describe actor watchdog',
		'reeve describe actor watchdog/nginx -o json      # watchdog/ is the instance without a key',
	],
	async run(input, tools) {
		const [kind = '', id = ''] = input.words;
		const client = createClient(socketPath(input, tools));
		const now = tools.clock.now();
		const found = await finders[kind]?.(client, id, now);
		if (!found) throw new ReeveError('not_found', `${kind} ${id}`);
		const format = formatOf(input.options);
		const isForPeople = format === 'table' || format === 'wide';
		const layout = { columns: [], name: () => found.name };
		const text = isForPeople
			? await found.text
			: await rowsText([found.row], layout, { format, now });
		tools.screen.out(text);
		return exitCodes.ok;
	},
});

/** The rows of this name, or else those whose name begins with it. */
function beginning<Row extends { readonly name: string }>(rows: readonly Row[], id: string): Row[] {
	const exact = rows.filter(({ name }) => name === id);
	return exact.length > 0 ? exact : rows.filter(({ name }) => name.startsWith(id));
}

function only<Row>(rows: readonly Row[], what: string): Row {
	const [row] = rows;
	if (row === undefined) throw new ReeveError('not_found', what);
	if (rows.length > 1) throw new ReeveError('not_found', `${what} is the beginning of several`);
	return row;
}
