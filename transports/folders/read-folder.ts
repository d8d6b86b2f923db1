/**
 * The read folder: a file in it is a message, or a list of messages, in JSON or YAML. For programs
 * that can write files and nothing else.
 *
 * A file is taken when it is complete: its size and time have not changed for `readFolderSettleMs`,
 * and no visible process has it open for writing (`complete-file.ts`). A program that writes
 * slowly, or from another machine, should write under a name that begins with a dot or ends in
 * `.tmp`, `.part` or `~`, and rename the file at the end: such names are ignored.
 *
 * A file is moved to the subfolder `taken` before its messages are handed in, and then to `done`,
 * or to `refused`, with the answer in a file beside it. What cannot be moved is not handed in, and
 * what has been handed in says so by its name in `taken`: so a full or read-only folder repeats
 * nothing. The ids of the messages are derived from the name, content and time of the file, so a
 * node that dies in between sends nothing twice. The same file written again is sent again. If it
 * cannot be taken now, because the journal or an outbox is full, it stays in `taken` and is tried
 * again.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pause } from '../../runtime/platform/clock.ts';
import { writeAtomically } from '../../runtime/files/atomic-file.ts';
import { syncFolder } from '../../runtime/files/data-folder.ts';
import { asReeveError, errorTable } from '../../runtime/platform/errors.ts';
import { derivedIdStarts } from '../../runtime/platform/ids.ts';
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
	/** A hash of name, content and time. */
	readonly mark: string;
	readonly bytes: Buffer;
	readonly isTooLarge: boolean;
}

/** The result for a file: tried again later, or moved to one of the two subfolders. */
type Fate = 'later' | 'done' | 'refused';

/** What became of files that were handed in and are not moved away yet, by mark. */
type Given = Map<string, { readonly fate: Exclude<Fate, 'later'>; answers: readonly Answer[] }>;

/** A file in `taken`. */
interface Taken {
	readonly path: string;
	readonly mark: string;
	/** `new` until it has been handed in. */
	readonly state: 'new' | Exclude<Fate, 'later'>;
	readonly name: string;
}

/** Names get a prefix and a suffix, and no file system takes more than 255 bytes. */
const nameBytesMax = 190;
const takenName = /^(?<mark>[0-9a-f]{32})\.(?<state>new|done|refused)\.(?<name>.+)$/s;

async function read(path: string | Buffer, name: string, bytesMax: number): Promise<Found> {
	const file = await open(path);
	try {
		const { size, mtimeNs } = await file.stat({ bigint: true });
		const isTooLarge = size > bytesMax;
		const bytes = isTooLarge ? Buffer.alloc(0) : await file.readFile();
		const digest = createHash('sha256').update(JSON.stringify([name, String(mtimeNs)]));
		const mark = digest.update(bytes).digest('hex').slice(0, 32);
		return { mark, bytes, isTooLarge };
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
	const given = raws.map((raw, index) => {
		const id = `${derivedIdStarts.readFolder}${mark}:${index}`;
		return api.accept(raw, via, hasId(raw) ? {} : { id });
	});
	return (await Promise.all(given)).flat();
}

function hasId(raw: unknown): boolean {
	return Object.keys(Object(raw)).some((key) => key.toLowerCase() === 'id');
}

function fateOf(answers: readonly Answer[]): Fate {
	const refusals = answers.filter((answer) => 'error' in answer);
	if (refusals.some(({ error }) => errorTable[error].retryable)) return 'later';
	return refusals.length === 0 ? 'done' : 'refused';
}

/** The path of a file whose name may be in any encoding. */
function pathOf(folder: string, name: Buffer): Buffer {
	return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

/** Moves a complete file to `taken`. */
async function claim(folder: string, raw: Buffer, bytesMax: number): Promise<void> {
	const path = pathOf(folder, raw);
	// From here on its name is text, with U+FFFD for a byte that is no UTF-8.
	const name = raw.toString();
	// Two names that are no UTF-8 may be the same text.
	const own = isUtf8(raw) ? name : raw.toString('latin1') + '\0';
	const { mark } = await read(path, own, bytesMax);
	const bytes = Buffer.from(name);
	// A cut may go through a character, which becomes another one.
	const short = bytes.length > nameBytesMax ? bytes.subarray(0, nameBytesMax - 3).toString() : name;
	await rename(path, join(folder, 'taken', `${mark}.new.${short}`));
	await syncFolder(join(folder, 'taken'));
}

async function takenFiles(folder: string): Promise<readonly Taken[]> {
	const names = (await readdir(join(folder, 'taken'))).flatMap((file): Taken[] => {
		const { mark, state, name } = takenName.exec(file)?.groups ?? {};
		if (mark === undefined || name === undefined) return [];
		return [{ path: join(folder, 'taken', file), mark, name, state: state as Taken['state'] }];
	});
	return names.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** Hands in a taken file, unless that has been done, and moves it away. */
async function finish(
	folder: string,
	{ path, mark, name, state }: Taken,
	{ context, given }: { readonly context: TransportContext; readonly given: Given },
): Promise<void> {
	let known = given.get(mark);
	let at = path;
	if (state === 'new') {
		if (!known) {
			const found = await read(path, name, context.config.messageBytesMax);
			const answers = await handIn({ ...found, mark }, context);
			const fate = fateOf(answers);
			if (fate === 'later') return;
			known = { fate, answers };
			given.set(mark, known);
		}
		at = join(folder, 'taken', `${mark}.${known.fate}.${name}`);
		await rename(path, at);
		await syncFolder(join(folder, 'taken'));
	}
	const fate = known?.fate ?? (state === 'refused' ? 'refused' : 'done');
	const target = join(folder, fate, `${mark.slice(0, 12)}.${name}`);
	const answers = known?.answers ?? 'not known: the node ended before they were written';
	const told = `${JSON.stringify({ file: name, answers }, undefined, 2)}\n`;
	// A client waits for this file, and must not read half of it.
	writeAtomically(`${target}${answerEnding}`, told, { mode: 0o600, replacesLinks: true });
	await rename(at, target);
	await syncFolder(join(folder, fate));
	given.delete(mark);
}

/** What is added to the name of a file in that of its answers. */
const answerEnding = '.answer.json';

/** Removes the oldest files of `done`. Those in `refused` stay for the operator. */
async function trim(folder: string, keptMax: number, now: number): Promise<void> {
	const done = join(folder, 'done');
	const all = new Set(await readdir(done));
	// A sender may call a file like an answer: one is an answer if there is what it answers.
	const isAnswer = (name: string) =>
		name.endsWith(answerEnding) && all.has(name.slice(0, -answerEnding.length));
	const names = [...all].filter((name) => !isAnswer(name));
	if (names.length <= keptMax) return;
	const aged = await Promise.all(
		names.map(async (name) => ({ name, at: (await stat(join(done, name))).ctimeMs })),
	);
	const oldest = oldestFirst(aged, now).slice(0, names.length - keptMax);
	for (const { name } of oldest) {
		await rm(join(done, name), { force: true });
		await rm(join(done, `${name}${answerEnding}`), { force: true });
	}
}

/** What has failed in a scan, by the names of the files; '' is the folder itself. */
type Failures = Map<string, unknown>;

/** How many troubled files are told one by one. */
const toldMax = 100;

/**
 * Tells each failure when it is new, and again after a scan without it. Those beyond a limit are
 * told when others of them are mended.
 */
function createReport(folder: string, { api }: TransportContext): (failures: Failures) => void {
	let told: ReadonlySet<string> = new Set();
	return (failures) => {
		const kept = [...failures.keys()].filter((name) => told.has(name));
		const fresh = [...failures.keys()].filter((name) => !told.has(name));
		const telling = fresh.slice(0, toldMax - kept.length);
		for (const name of telling) {
			const { detail } = asReeveError(failures.get(name), 'file_failed');
			api.refuse('file_failed', `${join(folder, name)}: ${detail}`, via);
		}
		told = new Set([...kept, ...telling]);
	};
}

/** What a scan works with. */
interface Scanning {
	readonly context: TransportContext;
	readonly settling: Settling;
	readonly given: Given;
}

/** Takes every complete file; the result are the failures, by the names of the files. */
async function scan(folder: string, scanning: Scanning): Promise<Failures> {
	const { context, settling } = scanning;
	const { messageBytesMax, readFolderKeptMax } = context.config;
	const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
	const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
	const failures: Failures = new Map();
	const attempt = (name: string, work: () => Promise<void>) =>
		work().catch((thrown: unknown) => void failures.set(name, thrown));
	const finished = names.filter((each) => !isUnfinished(each.toString()));
	for (const name of finished.toSorted((one, other) => one.compare(other))) {
		await attempt(name.toString(), async () => {
			const isComplete = await settling.isComplete(pathOf(folder, name));
			if (isComplete) await claim(folder, name, messageBytesMax);
		});
	}
	for (const taken of await takenFiles(folder)) {
		await attempt(join('taken', taken.name), () => finish(folder, taken, scanning));
	}
	await attempt('done', () => trim(folder, readFolderKeptMax, context.clock.now()));
	return failures;
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, clock, signals } = context;
	const folder = resolve(config.readFolder);
	for (const name of ['taken', 'done', 'refused'])
		await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
	const settling = createSettling(clock, config.readFolderSettleMs);
	const stopping = new AbortController();
	const scanning = { context, settling, given: new Map() };
	const report = createReport(folder, context);
	const watch = async (): Promise<void> => {
		while (!stopping.signal.aborted) {
			try {
				report(await scan(folder, scanning));
				settling.forgetOthers();
			} catch (thrown) {
				report(new Map([['', thrown]]));
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
