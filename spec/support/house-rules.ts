/**
 * The house rules that no linter knows, as rows of a table: each with its reason, and a function
 * that finds where it is broken.
 *
 * @module
 */
import { lineAt, type SourceFile } from './source-text.ts';

/** A place where a rule is broken. */
export interface Finding {
	readonly path: string;
	readonly line: number;
	readonly what: string;
}

/** One rule. */
export interface HouseRule {
	readonly name: string;
	/** Why the rule is there; shown when it is broken. */
	readonly reason: string;
	find(files: readonly SourceFile[]): readonly Finding[];
}

/** The files that print, or write the log. */
const printers = ['transports/cli/output/render.ts', 'runtime/observability/log-output.ts'];
const product = /^(?:runtime|actors|supervisors|transports)\//;
const isScanned = ({ path, code }: SourceFile) =>
	/^actors\/methods\/[^/]+$|^transports\/cli\/commands\/[^/]+$|^examples\/actors\/[^/]+$/.test(
		path,
	) ||
	(path.startsWith('transports/') && /\bdefineTransport\(/.test(code));

/** Every match of `pattern` in one form of the files for which `applies` holds. */
function matches(
	pattern: RegExp,
	applies: (file: SourceFile) => boolean,
	form: 'text' | 'plain' | 'code' = 'code',
): HouseRule['find'] {
	return (files) =>
		files.filter(applies).flatMap((file) =>
			[...file[form].matchAll(pattern)].map((match) => ({
				path: file.path,
				line: lineAt(file.text, match.index),
				what: match[0].trim().split('\n')[0] ?? '',
			})),
		);
}

/** Files, as wholes, that break a rule. */
function offenders(what: (file: SourceFile) => string | undefined): HouseRule['find'] {
	return (files) =>
		files.flatMap((file) => {
			const problem = what(file);
			return problem === undefined ? [] : [{ path: file.path, line: 1, what: problem }];
		});
}

const isNot =
	(...paths: readonly string[]) =>
	({ path }: SourceFile) =>
		!paths.includes(path);

/** What a file imports, or imports when it needs it, with the line of each. */
function importsOf({ plain, text }: SourceFile): readonly { from: string; line: number }[] {
	const pattern = /(?:^|[\s;}])(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;
	return [...plain.matchAll(pattern)].map((match) => ({
		from: match[2] ?? '',
		line: lineAt(text, match.index + match[0].length),
	}));
}

const saysNothing = /^(?:utils?|helpers?|common|types?|base|manager|misc|index)$/;

function badName({ path }: SourceFile): string | undefined {
	const words = path.split('/');
	const file = words.pop() ?? '';
	const stem = file.replace(/(?:\.test)?\.[cm]?[jt]sx?$/, '');
	for (const name of [...words, stem]) {
		if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) return `${name} is not kebab-case`;
		if (saysNothing.test(name.split('-').at(-1) ?? '')) return `${name} says nothing`;
	}
	return undefined;
}

function undocumented(files: readonly SourceFile[]): readonly Finding[] {
	return files.flatMap(({ path, code, text }) => {
		const lines = text.split('\n');
		return code.split('\n').flatMap((line, at) => {
			if (!/^export (?!\{|\*|type \{)/.test(line) || hasDoc(lines, at)) return [];
			return [{ path, line: at + 1, what: line.slice(0, 60) }];
		});
	});
}

/** Whether a doc comment ends right above this line. */
function hasDoc(lines: readonly string[], at: number): boolean {
	let above = at - 1;
	if (!lines[above]?.endsWith('*/')) return false;
	while (above > 0 && !lines[above]?.includes('/*')) above -= 1;
	return /^\/\*\*\s*\S|^\/\*\*$/.test(lines[above] ?? '') && !isModuleComment(lines, above, at);
}

/** The comment over a file tells of the file, not of what happens to stand first in it. */
function isModuleComment(lines: readonly string[], from: number, to: number): boolean {
	return lines.slice(from, to).some((line) => /^ \* @module$/.test(line));
}

function secondDoors(files: readonly SourceFile[]): readonly Finding[] {
	const doors = new Map<string, Finding[]>();
	for (const file of files.filter(({ path }) => product.test(path))) {
		for (const { from, line } of importsOf(file)) {
			if (/^[./]|^node:/.test(from)) continue;
			const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/');
			const known = doors.get(name) ?? [];
			if (known.every(({ path }) => path !== file.path)) {
				doors.set(name, [...known, { path: file.path, line, what: name }]);
			}
		}
	}
	const shared = new Set(['zod', 'xstate']);
	return [...doors]
		.filter(([name, found]) => found.length > 1 && !shared.has(name))
		.flatMap(([, found]) => found);
}

function methodsOfMethods(files: readonly SourceFile[]): readonly Finding[] {
	return files
		.filter(({ path }) => path.startsWith('actors/methods/'))
		.flatMap((file) =>
			importsOf(file)
				.filter(({ from }) => from.startsWith('./') || from.includes('/methods/'))
				.map(({ from, line }) => ({ path: file.path, line, what: from })),
		);
}

function endlessImports(files: readonly SourceFile[]): readonly Finding[] {
	// The spec of these rules quotes what breaks them.
	return files.filter(isNot('spec/tidy.test.ts')).flatMap((file) =>
		importsOf(file)
			.filter(({ from }) => /^\.\.?\//.test(from) && !/\.(?:ts|m?js|json)$/.test(from))
			.map(({ from, line }) => ({ path: file.path, line, what: from })),
	);
}

const columnsMax = 100;
/** A tab is two columns wide here, as it is for the formatter. */
const width = (line: string) => line.replaceAll('\t', '  ').length;

function longLines(files: readonly SourceFile[]): readonly Finding[] {
	return files.flatMap(({ path, text }) =>
		text.split('\n').flatMap((line, at) => {
			// The formatter keeps the title of a test on its line, however long.
			if (width(line) <= columnsMax || /^\s*test\(/.test(line)) return [];
			return [{ path, line: at + 1, what: `${width(line)} columns` }];
		}),
	);
}

/** The rules. */
export const houseRules: readonly HouseRule[] = [
	{
		name: 'names',
		reason: 'a file or folder is a kebab-case noun that a newcomer can guess',
		find: offenders(badName),
	},
	{
		name: 'places',
		reason: 'code lies in the four source folders, in spec or in examples, never beside them',
		find: offenders(({ path }) => {
			const isPlaced = product.test(path) || /^(?:spec|examples)\//.test(path);
			return isPlaced ? undefined : 'lies elsewhere';
		}),
	},
	{
		name: 'barrels',
		reason: 'a name is imported from where it is made; a package has a front door for each use',
		find: matches(
			/^export\s+(?:type\s+)?(?:\*[^;]*|\{[^}]*\}\s*)\bfrom\b/gm,
			// The second is for supervision alone: it must not bring the journal and the broker along.
			isNot(
				'supervisors/node/node.ts',
				'supervisors/otp/supervision.ts',
				'supervisors/testing/testing.ts',
			),
		),
	},
	{
		name: 'default exports',
		reason: 'only files that a folder scan or a table of imports loads have one',
		find: matches(/^export default\b|\bas default\b/gm, (file) => !isScanned(file)),
	},
	{
		name: 'time and chance',
		reason: 'they are injected as a Clock, so that a test can step the one and seed the other',
		find: matches(
			new RegExp(
				[
					/\bDate\.now\b|\bnew Date(?:\(\s*\)|(?!\w|\())|(?<![.\w])Date\(\s*\)/,
					// As a key it is not a call: XState's clock has a method of that name.
					/(?:(?<![.\w])|\bglobalThis\.)set(?:Timeout|Interval)\b(?!: )|\bAbortSignal\.timeout\b/,
					/\bperformance\.now\b|\bprocess\.(?:hrtime|uptime)\b|\bMath\.random\b/,
					/\b(?:randomBytes|randomUUID|randomInt|getRandomValues)\b/,
				]
					.map(({ source }) => source)
					.join('|'),
				'g',
			),
			({ path }) => path !== 'runtime/platform/clock.ts' && !path.startsWith('spec/bench/'),
		),
	},
	{
		name: 'timers',
		reason: 'a timer comes from the Clock',
		find: matches(
			/\b(?:from|import|require)\s*\(?\s*(['"])(?:node:)?timers(?:\/promises)?\1/g,
			isNot('runtime/platform/clock.ts', 'spec/tidy.test.ts', 'spec/support/house-rules.ts'),
			'plain',
		),
	},
	{
		name: 'exit',
		reason: 'only the program itself ends the process; everything else ends by returning',
		find: matches(/\bprocess\.(?:exit|abort|reallyExit)\b/g, isNot('supervisors/node/main.ts')),
	},
	{
		name: 'print',
		reason: 'what is printed, and how, is decided in one file, and so is where the log goes',
		find: matches(
			/\bconsole\.\w+|\bprocess\.(?:stdout|stderr)\b|\bimport\s*\{[^}]*\bstd(?:out|err)\b[^}]*\}/g,
			(file) => product.test(file.path) && !printers.includes(file.path),
		),
	},
	{
		name: 'one door',
		reason: 'each package is imported by one file, so that it can be replaced there',
		find: secondDoors,
	},
	{
		name: 'method imports',
		reason: 'a method knows its declaration and its tools, never another method',
		find: methodsOfMethods,
	},
	{
		name: 'endings',
		reason: 'imports name the file that is there: with its ending',
		find: endlessImports,
	},
	{
		name: 'doc comments',
		reason: 'every export says what it is, why, and within which limits',
		find: undocumented,
	},
	{ name: 'line length', reason: `a line has ${columnsMax} columns`, find: longLines },
	{
		name: 'spec depth',
		reason: 'the test script finds specs three folders deep; deeper ones would never run',
		find: offenders(({ path }) =>
			/^spec\/(?:[^/]+\/){4}.*\.test\.ts$/.test(path) ? 'lies too deep' : undefined,
		),
	},
	{
		name: 'spec place',
		reason: 'specs lie in spec/, where the test script finds them and the package does not',
		find: offenders(({ path }) =>
			/\.test\.[cm]?[jt]s$/.test(path) && !path.startsWith('spec/') ? 'is a spec' : undefined,
		),
	},
	{
		name: 'unfinished work',
		reason: 'what is left to do is an issue; a note in the code is never read again',
		find: matches(/\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/g, () => true, 'text'),
	},
	{
		name: 'empty catch',
		reason: 'an error is expected and answered, or it is not caught',
		find: matches(/\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/g, () => true),
	},
	{
		name: 'escape hatches',
		reason: 'what the compiler and the linter say is dealt with, not switched off',
		find: (files) => [
			...matches(/\bas unknown as\b|[:<]\s*any\b|\bas any\b/g, () => true)(files),
			...matches(
				/@ts-(?:ignore|nochec[k]|expect-error)\b|(?:ox|es)lint-disabl[e]/g,
				() => true,
				'text',
			)(files.filter(isNot('spec/support/house-rules.ts', 'spec/tidy.test.ts'))),
		],
	},
	{
		name: 'lone tests',
		reason: 'a test that runs alone, or is put off, hides all the others or itself',
		find: matches(/\b(?:test|describe|it)\.(?:only|todo)\b|\bonly:\s*true\b|\btodo:/g, ({ path }) =>
			path.startsWith('spec/'),
		),
	},
];
