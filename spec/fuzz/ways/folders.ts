/**
 * Folders whose files are messages: the read folder, and the startup folder, whose files are handed
 * in at every start.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configOf } from '../../../runtime/config/config.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import readFolder from '../../../transports/folders/read-folder.ts';
import startupFolder from '../../../transports/folders/startup-folder.ts';
import { until } from '../../support/condition.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createContext } from '../../support/transport-context.ts';
import { mutated } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { startFuzzNode, type FuzzNode } from '../fuzz-node.ts';
import { messageBytes } from '../message-grammar.ts';
import { sizedBytes } from '../sized.ts';
import { textBeside, type Input, type Way } from '../way.ts';
import { yamlBytes } from '../yaml-grammar.ts';

const { messageBytesMax, messageDepthMax, messageValuesMax } = configOf();
const limits = {
	bytesMax: messageBytesMax,
	depthMax: messageDepthMax,
	valuesMax: messageValuesMax,
};

function contentOf(chance: Chance): Uint8Array {
	if (chance.happens(0.01)) return sizedBytes(chance, limits);
	return chance.happens(0.55) ? messageBytes(chance) : yamlBytes(chance);
}

/** Endings of names, as text in Latin-1: not all of them are UTF-8. */
const endings = [
	'.json',
	'.yaml',
	'',
	'.answer.json',
	' ',
	'\u00ff\u00fe',
	'\n',
	"'; echo",
	'%00',
	'x'.repeat(200),
	'\u00c3\u00a9'.repeat(90),
	'.new.done',
];

/** How long a file that cannot be taken now may lie in `taken`; a good one is never there long. */
const laterMs = { input: 4000, good: Number.POSITIVE_INFINITY };

/** The read folder. */
export const readFolderWay: Way = {
	name: 'read-folder',
	short: 10,
	together: 10,
	input: (chance) => ({ bytes: contentOf(chance), about: { ending: chance.pick(endings) } }),
	async open(t) {
		const folder = temporaryFolder(t);
		const fuzzNode = await startFuzzNode(t, [readFolder], {
			readFolder: folder,
			readFolderSettleMs: 1,
			readFolderKeptMax: 20,
		});
		let count = 0;
		const namesIn = (part: string) => readdirSync(join(folder, part), { encoding: 'latin1' });
		/** Puts a complete file there, and resolves with the subfolder that it has come to. */
		const put = async (
			bytes: Uint8Array,
			ending: string,
			what: keyof typeof laterMs,
		): Promise<string> => {
			count += 1;
			const own = count;
			const name = `f${own}-${ending}`;
			const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
			const unfinished = join(folder, `.unfinished-${own}`);
			writeFileSync(unfinished, bytes);
			renameSync(unfinished, path);
			const since = realClock.monotonic();
			const mark = `.f${own}-`;
			const isIn = (part: string) =>
				namesIn(part).find((each) => each.includes(mark) && !isAnswer(each, ending));
			const isLate = () => realClock.monotonic() - since > laterMs[what];
			await until(`${name} is taken`, () =>
				Boolean(isIn('done') ?? isIn('refused') ?? (isLate() && isIn('taken'))),
			);
			const part = ['done', 'refused', 'taken'].find(isIn) ?? '';
			const found = isIn(part);
			if (found && part !== 'done') {
				const at = Buffer.concat([Buffer.from(`${folder}/${part}/`), Buffer.from(found, 'latin1')]);
				rmSync(at, { force: true });
			}
			return part;
		};
		return {
			async give(input) {
				await put(input.bytes, textBeside(input, 'ending') ?? '', 'input');
			},
			async good() {
				const bytes = Buffer.from('{"toNode":"central","method":"REQPing"}');
				assert.equal(await put(bytes, 'good.json', 'good'), 'done');
			},
			faults: fuzzNode.faults,
			timers: fuzzNode.timers,
		};
	},
};

/** Whether a file is the answer to one whose name ends so. */
function isAnswer(name: string, ending: string): boolean {
	const answer = '.answer.json';
	return name.endsWith(ending === answer ? answer + answer : answer);
}

const firstLines = [
	'',
	'',
	'',
	'#reeve asked-by ["client:alice","node:central"]\n',
	'#reeve asked-by []\n',
	'#reeve asked-by ["x"]\n',
	'#reeve asked-by ["client:__proto__"]',
	`#reeve asked-by [${'"client",'.repeat(100)}"client"]\n`,
];

function startupInput(chance: Chance): Input {
	const line = Buffer.from(chance.pick(firstLines));
	const head = chance.happens(0.2) ? mutated(line, chance) : line;
	const name = chance.pick(['boot', '__proto__', 'a b', '..x', 'é', 'x'.repeat(200), '_x']);
	return { bytes: Buffer.concat([head, contentOf(chance)]), about: { name } };
}

/** The startup folder; each input is there at a start of the transport. */
export const startupFolderWay: Way = {
	name: 'startup-folder',
	short: 50,
	together: 10,
	input: startupInput,
	async open(t) {
		const fuzzNode = await startFuzzNode(t, []);
		let count = 0;
		const start = async (name: string, bytes: Uint8Array): Promise<readonly object[]> => {
			count += 1;
			const folder = join(fuzzNode.folder, `startup-${count}`);
			mkdirSync(folder);
			writeFileSync(join(folder, name), bytes);
			const good = Buffer.from(`{"method":"REQPing","note":"good-${count}"}`);
			writeFileSync(join(folder, `zz-good-${count}`), good);
			const answers = await handIn(fuzzNode, folder, `good-${count}`);
			rmSync(folder, { recursive: true });
			return answers;
		};
		return {
			async give(input) {
				const answers = await start(textBeside(input, 'name') ?? 'x', input.bytes);
				assert.ok(
					answers.some((answer) => 'id' in answer),
					JSON.stringify(answers),
				);
			},
			async good() {
				const answers = await start('boot', Buffer.from('method: REQPing'));
				assert.ok(
					answers.every((answer) => 'id' in answer),
					JSON.stringify(answers),
				);
			},
			faults: fuzzNode.faults,
			timers: fuzzNode.timers,
		};
	},
};

/** Starts the transport with this folder; the answers to the message with this note. */
async function handIn(
	{ node }: FuzzNode,
	folder: string,
	note: string,
): Promise<readonly object[]> {
	const answers: object[] = [];
	const { context } = createContext(
		{ nodeName: 'central', startupFolder: folder },
		{
			api: {
				...node.api,
				async accept(raw, via, source) {
					const given = await node.api.accept(raw, via, source);
					if (Reflect.get(Object(raw), 'note') === note) answers.push(...given);
					return given;
				},
			},
		},
	);
	const running = await startupFolder.start(context);
	await running.stop();
	return answers;
}
