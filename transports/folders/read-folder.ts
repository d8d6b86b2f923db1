/**
 * The read folder: a file in it is a message, or a list of messages, in JSON or YAML. For programs
 * that can write files and nothing else.
 *
 * A file is taken when it is complete: its size and time have not changed for `readFolderSettleMs`,
 * and no visible process has it open for writing (`complete-file.ts`). A program that writes
 * slowly, or from another machine, should write under a name that begins with a dot or ends in
 * `.tmp`, `.part` or `~`, and rename the file at the end: such names are ignored.
 *
 * A file that was taken is moved to the subfolder `done`, one that was refused to `refused`, each
 * with the answer in a file beside it. The ids of its messages are derived from its name, content
 * and time, so a node that dies in between finds the file again and sends nothing twice. The same
 * file written again is sent again. If it cannot be taken now, because the disk or an outbox is
 * full, it stays and is tried again.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pause } from '../../runtime/platform/clock.ts';
import { syncFolder } from '../../runtime/files/data-folder.ts';
import { asReeveError, errorTable } from '../../runtime/platform/errors.ts';
import { readPayload } from '../../runtime/text/payload.ts';
import {
	defineTransport,
	type Answer,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { createSettling, type Settling } from './complete-file.ts';
import { oldestFirst } from './file-age.ts';

/** The name of this source in errors and signals. */
const via = 'read folder';
/** Names of files that are still being written. */
const isUnfinished = (name: string) => name.startsWith('.') || /(?:\.tmp|\.part|~)$/.test(name);

/** A file with what is in it. */
interface Found {
	readonly name: string;
	/** A hash of name, content and time. */
	readonly mark: string;
	readonly bytes: Buffer;
	readonly isTooLarge: boolean;
}

/** The result for a file: tried again later, or moved to one of the two subfolders. */
type Fate = 'later' | 'done' | 'refused';

async function read(folder: string, name: string, bytesMax: number): Promise<Found> {
	const file = await open(join(folder, name));
	try {
		const { size, mtimeNs } = await file.stat({ bigint: true });
		const isTooLarge = size > bytesMax;
		const bytes = isTooLarge ? Buffer.alloc(0) : await file.readFile();
		const digest = createHash('sha256').update(JSON.stringify([name, String(mtimeNs)]));
		const mark = digest.update(bytes).digest('hex').slice(0, 32);
		return { name, mark, bytes, isTooLarge };
	} finally {
		await file.close();
	}
}

/** Hands in the messages of a file. Messages without an id get one derived from the file. */
async function handIn(
	{ bytes, mark, isTooLarge }: Found,
	{ api, config }: TransportContext,
): Promise<readonly Answer[]> {
	if (isTooLarge) {
		return [api.refuse('too_large', `more than ${config.messageBytesMax} bytes`, via)];
	}
	let raws: readonly unknown[];
	try {
		raws = readPayload(bytes, config);
	} catch (thrown) {
		const { code, detail } = asReeveError(thrown);
		return [api.refuse(code, detail, via)];
	}
	const given = raws.map((raw, index) => api.accept(withId(raw, `file:${mark}:${index}`), via));
	return (await Promise.all(given)).flat();
}

function withId(raw: unknown, id: string): unknown {
	if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
	return Object.keys(raw).some((key) => key.toLowerCase() === 'id') ? raw : { ...raw, id };
}

function fateOf(answers: readonly Answer[]): Fate {
	const refusals = answers.filter((answer) => 'error' in answer);
	if (refusals.some(({ error }) => errorTable[error].retryable)) return 'later';
	return refusals.length === 0 ? 'done' : 'refused';
}

/** Writes the answer, then moves the file: after a crash in between, the file is taken again. */
async function moveAway(
	folder: string,
	{ name, mark }: Found,
	{ fate, answers }: { fate: Exclude<Fate, 'later'>; answers: readonly Answer[] },
): Promise<void> {
	const target = join(folder, fate, `${mark.slice(0, 12)}.${name}`);
	const text = `${JSON.stringify({ file: name, answers }, undefined, 2)}\n`;
	await writeFile(`${target}.answer.json`, text);
	await rename(join(folder, name), target);
	await syncFolder(join(folder, fate));
}

/** Removes the oldest files of `done`. Those in `refused` stay for the operator. */
async function trim(folder: string, keptMax: number, now: number): Promise<void> {
	const done = join(folder, 'done');
	const names = (await readdir(done)).filter((name) => !name.endsWith('.answer.json'));
	if (names.length <= keptMax) return;
	const aged = await Promise.all(
		names.map(async (name) => ({ name, at: (await stat(join(done, name))).ctimeMs })),
	);
	const oldest = oldestFirst(aged, now).slice(0, names.length - keptMax);
	for (const { name } of oldest) {
		await rm(join(done, name), { force: true });
		await rm(join(done, `${name}.answer.json`), { force: true });
	}
}

/** Takes every complete file; throws the first failure after all files were tried. */
async function scan(folder: string, context: TransportContext, settling: Settling): Promise<void> {
	const entries = await readdir(folder, { withFileTypes: true });
	const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
	const failures: unknown[] = [];
	for (const name of names.filter((each) => !isUnfinished(each)).toSorted()) {
		try {
			if (await settling.isComplete(join(folder, name))) await take(folder, name, context);
		} catch (thrown) {
			failures.push(thrown);
		}
	}
	await trim(folder, context.config.readFolderKeptMax, context.clock.now());
	if (failures.length > 0) throw failures[0];
}

async function take(folder: string, name: string, context: TransportContext): Promise<void> {
	const found = await read(folder, name, context.config.messageBytesMax);
	const answers = await handIn(found, context);
	const fate = fateOf(answers);
	if (fate !== 'later') await moveAway(folder, found, { fate, answers });
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, clock, signals } = context;
	const folder = resolve(config.readFolder);
	for (const name of ['done', 'refused']) await mkdir(join(folder, name), { recursive: true });
	const settling = createSettling(clock, config.readFolderSettleMs);
	const stopping = new AbortController();
	let isTroubled = false;
	const watch = async (): Promise<void> => {
		while (!stopping.signal.aborted) {
			try {
				await scan(folder, context, settling);
				settling.forgetOthers();
				isTroubled = false;
			} catch (thrown) {
				// A folder that cannot be read, or a file that cannot be moved: report once, try again.
				const { detail } = asReeveError(thrown, 'file_failed');
				if (!isTroubled) context.api.refuse('file_failed', `${folder}: ${detail}`, via);
				isTroubled = true;
			}
			await pause(clock, Math.max(50, config.readFolderSettleMs / 2), stopping.signal);
		}
	};
	const watching = watch();
	signals.emit('transport.up', { transport: 'read-folder', address: folder });
	return {
		address: folder,
		async stop() {
			stopping.abort();
			await watching;
		},
	};
}

/** The transport for programs that write files; wanted where `readFolder` is set. */
export default defineTransport({
	name: 'read-folder',
	wanted: ({ readFolder }) => readFolder !== '',
	start,
});
