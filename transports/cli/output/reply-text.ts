/**
 * Replies as text: one line for each node, and below it what does not fit into a line.
 *
 * @module
 */
import { errorTable, isErrorCode } from '../../../runtime/platform/errors.ts';
import { stateText, tookText } from './tables.ts';
import { shade, tableText } from './render.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const heads = ['NODE', 'OUTCOME', 'TRIES', 'TOOK', 'OUTPUT'];

/**
 * The widths of all but the last column; they are fixed, since rows are printed as they come.
 */
function widths(nodes: readonly string[]): readonly number[] {
	return [Math.max(4, ...nodes.map((name) => name.length)), 11, 5, 6];
}

/** The line above the replies. */
export function replyHead(nodes: readonly string[]): Promise<string> {
	const row = heads.map((head) => shade('heading', head));
	return tableText([...heads].fill(''), [row], widths(nodes));
}

/** One reply. Output is shown whole. */
export async function replyText(row: MessageRow, nodes: readonly string[]): Promise<string> {
	const { toNode, state, attempts, output = '', stderr = '' } = row;
	const isShort = state === 'done' && !output.trimEnd().includes('\n');
	const last = isShort ? output.trimEnd() : summaryOf(row);
	const cells = [toNode, stateText(state), String(attempts), tookText(row), last];
	const line = await tableText([...heads].fill(''), [cells], widths(nodes));
	const blocks = [isShort ? '' : block(output), stderr ? block(stderr, 'stderr') : ''];
	return `${line}${blocks.join('')}`;
}

function summaryOf({ state, code = '', exitCode, why, output = '' }: MessageRow): string {
	if (state === 'done') return `${output.trimEnd().split('\n').length} lines`;
	const meaning = isErrorCode(code) ? errorTable[code].meaning : code;
	const words = why ?? meaning;
	// A command that failed gives its exit code as the reason.
	const isSaid = exitCode === undefined || words.includes('exit code');
	return `${words}${isSaid ? '' : `, exit code ${exitCode}`}${code ? ` (${code})` : ''}`;
}

function block(text: string, label?: string): string {
	const lines = text.trimEnd().split('\n');
	if (lines.join('') === '') return '';
	const prefix = label ? `  ${shade('quiet', `${label}:`)} ` : '  ';
	return lines.map((line) => `${prefix}${line}\n`).join('');
}
