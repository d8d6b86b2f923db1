/**
 * Orphans: commands that outlived the process that started them. After a SIGKILL of a node its
 * commands run on. Their environment carries the mark of their message, by which the recovering
 * node finds and kills them before it runs anything again.
 *
 * @module
 */
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import type { Clock } from '../../runtime/platform/clock.ts';
import { killGroup } from './command.ts';

/** The marks by which orphans are found. */
export interface OrphanMarks {
	/** The store of the node that started them. */
	readonly storeId: string;
	/** The ids of the messages that were started and not settled. */
	readonly messages: ReadonlySet<string>;
}

/** A process that carries the mark of an unsettled message. */
export interface Orphan {
	readonly pid: number;
	readonly groupId: number;
	readonly message: string;
}

/** How long killed processes may take to be gone. */
const goneMsMax = 2000;

/** The variables by which a command, and all that it starts, can be found again. */
export function orphanMark(storeId: string, message: string): Record<string, string> {
	return { REEVE_STORE: storeId, REEVE_MESSAGE: message };
}

/**
 * Finds the processes that carry the mark of one of these messages. Processes that a settled
 * command left in the background on purpose are excluded; so are this process and its group, which
 * may themselves have been started by a command.
 *
 * Linux only, where `/proc` shows the environment of the user's own processes; elsewhere it finds
 * none, and commands of a killed node run to their end.
 */
export async function findOrphans({ storeId, messages }: OrphanMarks): Promise<readonly Orphan[]> {
	if (process.platform !== 'linux' || messages.size === 0) return [];
	const ownGroupId = await groupOf('self');
	const found: Orphan[] = [];
	for (const entry of await readdir('/proc')) {
		if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
		const environment = variablesOf(await readProcess(entry, 'environ'));
		const message = environment.get('REEVE_MESSAGE');
		if (message === undefined || !messages.has(message)) continue;
		if (environment.get('REEVE_STORE') !== storeId) continue;
		const groupId = await groupOf(entry);
		if (groupId === undefined || groupId === ownGroupId) continue;
		found.push({ pid: Number(entry), groupId, message });
	}
	return found;
}

/**
 * Kills the groups of all orphans, and waits until they are gone, for two seconds at most: one that
 * hangs in the kernel ends later, without running any further.
 *
 * @returns the orphans that were found
 */
export async function killOrphans(marks: OrphanMarks, clock: Clock): Promise<readonly Orphan[]> {
	const killed = new Map<number, Orphan>();
	const until = clock.monotonic() + goneMsMax;
	// Repeated, because an orphan may have started another one just before it was killed. The search
	// itself is the pause: a timer would not keep a node alive that has started nothing else yet.
	for (;;) {
		const orphans = await findOrphans(marks);
		if (orphans.length === 0 || clock.monotonic() > until) return [...killed.values()];
		for (const orphan of orphans) {
			killed.set(orphan.pid, orphan);
			killGroup(orphan.groupId);
		}
	}
}

function variablesOf(environment: string): ReadonlyMap<string, string> {
	const pairs = environment.split('\0').map((line): [string, string] => {
		const at = line.indexOf('=');
		return [line.slice(0, at), line.slice(at + 1)];
	});
	return new Map(pairs);
}

/** The process group: the third field after the command's name, which may hold brackets itself. */
async function groupOf(entry: string): Promise<number | undefined> {
	const status = await readProcess(entry, 'stat');
	const field = status.slice(status.lastIndexOf(')') + 2).split(' ')[2];
	return field === undefined || !/^[1-9]\d*$/.test(field) ? undefined : Number(field);
}

/** A file of `/proc`; empty for a process that has just ended, or must not be read. */
async function readProcess(entry: string, file: string): Promise<string> {
	try {
		return await readFile(`/proc/${entry}/${file}`, 'latin1');
	} catch (thrown) {
		const code: unknown = Reflect.get(Object(thrown), 'code');
		if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return '';
		throw thrown;
	}
}
