/**
 * The supervision tree as a drawing. Pure but for its colours.
 *
 * @module
 */
import { stateText } from './tables.ts';
import { tableText } from './render.ts';
import type { TreeRow } from '../../../runtime/queries/question.ts';

/** One line of the drawing, before its columns are aligned. */
interface TreeLine {
	readonly branch: string;
	readonly row: TreeRow;
}

/** Draws a tree: its branches, and beside them state, restarts and detail. */
export function treeText(top: TreeRow): Promise<string> {
	const cells = linesOf(top, '', '').map(({ branch, row }) => [
		`${branch}${row.id}`,
		stateText(row.state),
		restartsText(row.restarts),
		row.detail ?? (row.type === 'supervisor' ? 'supervisor' : ''),
	]);
	return tableText(['ACTOR', 'STATE', 'RESTARTS', 'DETAIL'], cells);
}

function restartsText(restarts: number): string {
	return restarts === 0 ? '' : String(restarts);
}

function linesOf(row: TreeRow, branch: string, below: string): readonly TreeLine[] {
	const { children = [] } = row;
	const inner = children.flatMap((child, at) => {
		const isLast = at === children.length - 1;
		const [mine, theirs] = isLast ? ['└── ', '    '] : ['├── ', '│   '];
		return linesOf(child, `${below}${mine}`, `${below}${theirs}`);
	});
	return [{ branch, row }, ...inner];
}
