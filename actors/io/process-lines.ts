/**
 * Operations on processes, for the methods that list, start and stop them; the answers are
 * steward's lines.
 *
 * @module
 */
import { isoNow } from '../../runtime/platform/clock.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Processes, ProcessName, ProcessRow } from '../../runtime/method/processes.ts';
import { noReplyMethod } from '../../runtime/message/reply.ts';

/** The processes of the node that a method runs on. */
function processesOf({ processes }: MethodContext): Processes {
	if (processes) return processes;
	throw new ReeveError('internal', 'the node does not show its processes');
}

/**
 * A line for each process, as steward writes it; it says if the process is not running or has
 * messages waiting.
 */
export async function processList(context: MethodContext): Promise<string> {
	const rows = await processesOf(context).list();
	return rows.map((row) => `${isoNow(context.clock)}, process: ${textOf(row)}\n`).join('');
}

/** Starts a process; answers with a line for what runs then. */
export async function startProcess(name: ProcessName, context: MethodContext): Promise<string> {
	const rows = await processesOf(context).start(name);
	return linesOf('started', rows, context);
}

/**
 * Stops a process; answers with a line for what was stopped.
 *
 * @throws ReeveError `process_needed` also if the answer to this message needs it
 */
export async function stopProcess(
	name: ProcessName,
	message: Message,
	context: MethodContext,
): Promise<string> {
	const { replyMethod, fileName, fromNode } = message;
	const answersBy = replyMethod ?? (fileName ? 'REQToFileAppend' : noReplyMethod);
	if (name.kind === 'publisher' && name.node === fromNode && name.method === answersBy) {
		throw new ReeveError('process_needed', `the answer to this message is sent by it`);
	}
	return linesOf('stopped', await processesOf(context).stop(name), context);
}

/**
 * The kind of process that an argument names.
 *
 * @throws ReeveError `bad_arguments`
 */
export function processKind(word: string): ProcessName['kind'] {
	if (word === 'subscriber' || word === 'publisher') return word;
	throw new ReeveError('bad_arguments', `${word}: a process is a subscriber or a publisher`);
}

function linesOf(what: string, rows: readonly ProcessRow[], context: MethodContext): string {
	return rows.map((row) => `${isoNow(context.clock)}, ${what} process: ${textOf(row)}\n`).join('');
}

function textOf({ kind, id = '-', name, state, waiting }: ProcessRow): string {
	const more = [
		...(state === 'running' ? [] : [`state: ${state}`]),
		...(waiting > 0 ? [`waiting: ${waiting}`] : []),
	];
	return [kind, `id: ${id}`, `name: ${name}`, ...more].join(', ');
}
