/** The links between the pages, and what pages and comments say of files, lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { sourceFile, sourceFiles } from './support/source-text.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const skipped = new Set(['node_modules', 'dist', '.git', '.reeve']);

/** Every page below a folder, by its path from the root. */
function pagesBelow(folder: string): readonly string[] {
	return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return skipped.has(entry.name) ? [] : pagesBelow(path);
		return entry.name.endsWith('.md') ? [path] : [];
	});
}

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): ReadonlySet<string> {
	const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title);
	return new Set(
		headings.map((title) =>
			title
				.toLowerCase()
				.replaceAll(/[^\p{L}\p{N} _-]/gu, '')
				.replaceAll(' ', '-'),
		),
	);
}

const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```$/gm, '');
const pages = pagesBelow('.').map((path) => ({
	path,
	text: withoutCode(readFileSync(join(root, path), 'utf8')),
}));

function brokenLinks(): readonly string[] {
	return pages.flatMap(({ path, text }) =>
		[...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
			if (/^[a-z]+:/.test(link)) return [];
			const [file = '', anchor] = link.split('#');
			const target = file === '' ? path : join(dirname(path), file);
			if (!existsSync(join(root, target))) return [`${path}: ${link} is not there`];
			if (anchor === undefined) return [];
			const isThere = anchorsOf(readFileSync(join(root, target), 'utf8')).has(anchor);
			return isThere ? [] : [`${path}: ${link} names no heading`];
		}),
	);
}

test('every relative link of every page resolves, its heading included', () => {
	assert.ok(pages.length > 10);
	assert.deepEqual(brokenLinks(), []);
});

const sourceFolders = ['runtime', 'actors', 'transports', 'supervisors', 'spec', 'examples'];
const sources = sourceFiles(root, sourceFolders);
const sourcePaths = sources.map(({ path }) => `/${path}`);

/** The files in backticks, such as `turn.ts`, that are nowhere in the source. */
function missingFiles(path: string, prose: string): readonly string[] {
	return [...prose.matchAll(/`(?:\.{1,2}\/)*([\w./-]+\.ts)`/g)]
		.filter(([, name = '']) => !sourcePaths.some((known) => known.endsWith(`/${name}`)))
		.map(([mention]) => `${path}: ${mention} is no file of the source`);
}

/** The comments of a source file; everything else is blank. */
function commentsOf({ text, plain }: { text: string; plain: string }): string {
	return text.replaceAll(/\S/g, (mark, at: number) => (plain[at] === mark ? ' ' : mark));
}

test('every file that a page or a comment names in backticks is there', () => {
	const found = [
		...pages.flatMap(({ path, text }) => missingFiles(path, text)),
		...sources.flatMap((file) => missingFiles(file.path, commentsOf(file))),
	];
	assert.deepEqual(found, []);
});

test('a file that is gone is found in pages and comments, and only there', () => {
	const gone = ['gone', 'ts'].join('.');
	const text = `/** See \`${gone}\` and \`docs-links.test.ts\`. */\nconst name = '\`${gone}\`';`;
	const found = [`a: \`${gone}\` is no file of the source`];
	assert.deepEqual(missingFiles('a', commentsOf(sourceFile('a', text))), found);
	assert.deepEqual(missingFiles('a', `See \`../journal/${gone}\`, \`fork.ts\`.`), [
		`a: \`../journal/${gone}\` is no file of the source`,
	]);
});

test('prose has at most 100 columns', () => {
	const long = pages.flatMap(({ path, text }) =>
		text
			.split('\n')
			.filter((line) => line.length > 100 && !line.startsWith('|'))
			.map((line) => `${path}: ${line.slice(0, 60)}...`),
	);
	assert.deepEqual(long, []);
});
