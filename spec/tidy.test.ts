import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { houseRules } from './support/house-rules.ts';
import { sourceFile, sourceFiles, type SourceFile } from './support/source-text.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sourceFolders = ['runtime', 'actors', 'supervisors', 'transports'];
const codeFolders = [...sourceFolders, 'spec', 'examples'];
const files = sourceFiles(root, codeFolders);

function findings(rule: string, among: readonly SourceFile[]): readonly string[] {
	const found = houseRules.find(({ name }) => name === rule)?.find(among);
	assert.ok(found, `there is no rule ${rule}`);
	return found.map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

for (const { name, reason } of houseRules) {
	test(`the house rule about ${name} is kept everywhere`, () => {
		const broken = findings(name, files);
		assert.equal(broken.length, 0, `${reason}\n${broken.join('\n')}`);
	});
}

test('no other top-level folder holds code', () => {
	const known = new Set([...codeFolders, 'docs', 'node_modules', 'dist']);
	const strange = readdirSync(root, { withFileTypes: true })
		.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !known.has(entry.name))
		.filter(({ name }) => sourceFiles(join(root, name), ['.']).length > 0)
		.map(({ name }) => name);
	assert.deepEqual(strange, [], `source lies in ${sourceFolders.join(', ')}`);
});

/** The marks themselves, written so that this file does not break the rule about them. */
const marks = { later: ['TO', 'DO'].join(''), broken: ['FIX', 'ME'].join('') };

/** Snippets that break a rule: the rule, where the snippet would lie, and the snippet. */
const broken: readonly (readonly [rule: string, path: string, text: string])[] = [
	['names', 'runtime/utils.ts', ''],
	['names', 'runtime/queue-helpers.ts', ''],
	['names', 'actors/common/ping.ts', ''],
	['names', 'runtime/myFile.ts', ''],
	['names', 'runtime/my_file.ts', ''],
	['names', 'transports/cli/index.ts', ''],
	['names', 'spec/support/types.ts', ''],
	['places', 'build.mjs', ''],
	['places', 'src/node.ts', ''],
	['barrels', 'runtime/all.ts', "export * from './clock.ts';"],
	['barrels', 'runtime/all.ts', "export * as clock from './clock.ts';"],
	['barrels', 'runtime/all.ts', "export {\n\tone,\n\ttwo,\n} from './clock.ts';"],
	['barrels', 'runtime/all.ts', "export type { Clock } from './clock.ts';"],
	['default exports', 'runtime/clock.ts', 'export default function now() {}'],
	['default exports', 'transports/framing.ts', 'export default {};'],
	['default exports', 'actors/message.ts', 'const a = 1;\nexport { a as default };'],
	['time and chance', 'runtime/router.ts', 'const at = Date.now();'],
	['time and chance', 'runtime/router.ts', 'const at = new Date();'],
	['time and chance', 'runtime/router.ts', 'const at = new Date;'],
	['time and chance', 'runtime/router.ts', 'setTimeout(run, 5);'],
	['time and chance', 'runtime/router.ts', 'globalThis.setInterval(run, 5);'],
	['time and chance', 'spec/runtime/router.test.ts', 'setTimeout(run, 5);'],
	['time and chance', 'actors/call.ts', 'const a = `${performance.now()}`;'],
	['time and chance', 'actors/call.ts', 'const a = { b: `${{ c: 1 }.c} ${Math.random()}` };'],
	['time and chance', 'actors/call.ts', "import { randomUUID } from 'node:crypto';"],
	['time and chance', 'actors/call.ts', 'AbortSignal.timeout(5);'],
	['timers', 'actors/call.ts', "import { setTimeout as wait } from 'node:timers/promises';"],
	['timers', 'actors/call.ts', "const { setTimeout: wait } = await import('timers');"],
	['exit', 'supervisors/node.ts', 'process.exit(1);'],
	['exit', 'spec/crash/kill.test.ts', 'process.abort();'],
	['print', 'supervisors/main.ts', "process.stdout.write('ready');"],
	['print', 'actors/methods/print.ts', "console.log('text');"],
	['print', 'transports/cli/program.ts', "import { stdout } from 'node:process';"],
	['method imports', 'actors/methods/two.ts', "import one from './one.ts';"],
	['method imports', 'actors/methods/two.ts', "import two from '../methods/three.ts';"],
	['endings', 'runtime/router.ts', "import { a } from './ledger';"],
	['endings', 'runtime/router.ts', "const a = await import('../runtime/ledger');"],
	['doc comments', 'runtime/router.ts', 'export const a = 1;'],
	['doc comments', 'runtime/router.ts', '// Not a doc comment.\nexport const a = 1;'],
	['doc comments', 'runtime/router.ts', '/* Nor this. */\nexport function a() {}'],
	['doc comments', 'runtime/router.ts', '/** Too far. */\n\nexport function a() {}'],
	[
		'doc comments',
		'runtime/router.ts',
		'/**\n * Of the file.\n *\n * @module\n */\nexport type A = 1;',
	],
	['doc comments', 'actors/methods/a.ts', 'export default defineMethod({});'],
	['line length', 'runtime/router.ts', `// ${'x'.repeat(98)}`],
	['line length', 'runtime/router.ts', `\t\t// ${'x'.repeat(94)}`],
	['spec depth', 'spec/transports/cli/commands/of/send.test.ts', ''],
	['spec place', 'runtime/router.test.ts', ''],
	['unfinished work', 'runtime/router.ts', `// ${marks.later}: later`],
	['unfinished work', 'runtime/router.ts', `const a = 1; /* ${marks.broken} */`],
	['empty catch', 'runtime/router.ts', 'try { a(); } catch {}'],
	['empty catch', 'runtime/router.ts', 'try { a(); } catch (thrown) {\n\t// Whatever.\n}'],
	['escape hatches', 'runtime/router.ts', 'const a = b as unknown as C;'],
	['escape hatches', 'runtime/router.ts', 'const a: any = b;'],
	['escape hatches', 'runtime/router.ts', '// @ts-ignore: it works\nconst a = b;'],
	['escape hatches', 'runtime/router.ts', '// oxlint-disable-next-line\nconst a = b;'],
	['lone tests', 'spec/router.test.ts', "test.only('x', () => {});"],
	['lone tests', 'spec/router.test.ts', "test('x', { only: true }, () => {});"],
];

for (const [rule, path, text] of broken) {
	const what = text.slice(0, 60).replaceAll(/\s+/g, ' ').trim() || path;
	test(`the rule about ${rule} is broken by: ${what}`, () => {
		assert.ok(findings(rule, [sourceFile(path, text)]).length > 0);
	});
}

test('a finding names its file and its line', () => {
	const file = sourceFile(
		'runtime/router.ts',
		'/* One.\nTwo. */\nconst a = `\n`;\nconst b = Date.now();',
	);
	assert.deepEqual(findings('time and chance', [file]), ['runtime/router.ts:5: Date.now']);
});

test('a package with two doors is found in both, however it is imported', () => {
	const doors = [
		sourceFile('runtime/a.ts', "import { x } from '@scope/name/deep';"),
		sourceFile('actors/b.ts', "const y = await import('@scope/name');"),
		sourceFile('spec/c.test.ts', "import '@scope/name';"),
	];
	assert.deepEqual(findings('one door', doors), [
		'runtime/a.ts:1: @scope/name',
		'actors/b.ts:1: @scope/name',
	]);
	assert.deepEqual(findings('one door', doors.slice(1)), []);
});

/** Snippets that look like a breach and are none. */
const lawful: readonly (readonly [rule: string, path: string, text: string])[] = [
	['barrels', 'supervisors/node/node.ts', "export { a } from '../runtime/a.ts';"],
	['barrels', 'supervisors/otp/supervision.ts', "export { a } from './a.ts';"],
	['barrels', 'runtime/a.ts', "/** A. */\nexport const a = { from: 'here' };"],
	['default exports', 'actors/methods/ping.ts', 'export default defineMethod({});'],
	['default exports', 'transports/mqtt/mqtt.ts', 'export default defineTransport({});'],
	['time and chance', 'runtime/platform/clock.ts', 'Date.now();'],
	['time and chance', 'runtime/a.ts', 'new Date(clock.now()); socket.setTimeout(5); // Date.now()'],
	['time and chance', 'runtime/a.ts', "const a = 'Date.now()', b = `Date.now() ${1}`;"],
	['time and chance', 'actors/a.ts', 'const clock = { setTimeout: (run) => after(run) };'],
	['time and chance', 'runtime/a.ts', 'const a = /Date.now()/.test(b) || 4 / Math.PI / 2;'],
	['one door', 'runtime/a.ts', "import { z } from 'zod'; import { a } from 'node:fs';"],
	['method imports', 'actors/methods/a.ts', "import { b } from '../../runtime/method/method.ts';"],
	['doc comments', 'runtime/a.ts', '/** What it is. */\nexport const a = 1;'],
	['doc comments', 'runtime/a.ts', '/**\n * What it is.\n */\nexport interface A {}'],
	['doc comments', 'spec/a.test.ts', 'const text = `\nexport const a = 1;\n`;'],
	['empty catch', 'runtime/a.ts', 'try { a(); } catch { return undefined; }'],
	['escape hatches', 'runtime/a.ts', 'const company: anyone = many;'],
	['line length', 'spec/a.test.ts', `test('${'x'.repeat(120)}', () => {});`],
];

for (const [rule, path, text] of lawful) {
	const what = text.slice(0, 60).replaceAll(/\s+/g, ' ').trim();
	test(`the rule about ${rule} is not broken by: ${what}`, () => {
		assert.deepEqual(findings(rule, [sourceFile(path, text)]), []);
	});
}

test('every rule is shown able to fail', () => {
	const shown = new Set([...broken.map(([rule]) => rule), 'one door']);
	assert.deepEqual(
		houseRules.map(({ name }) => name).filter((name) => !shown.has(name)),
		[],
	);
});
