/** The commands of the guide, each as it stands there, in the order in which they stand there. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runReeve, startReeve } from '../../support/command-line.ts';
import { until } from '../../support/condition.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { startFromSources } from '../../support/program.ts';

startFromSources();

const guide = readFileSync(new URL('../../../docs/actors.md', import.meta.url), 'utf8');
const examples = new URL('../../../examples/actors/', import.meta.url);

/** The words of a line as a shell takes them apart, without the remark behind it. */
function wordsOf(line: string): readonly string[] {
	const bare = line.replace(/ +#.*$/, '');
	return [...bare.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
}

const commands = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
	block.trim().split('\n').map(wordsOf),
);

/** What each command has to say. */
const answers: readonly (readonly [command: RegExp, answer: RegExp])[] = [
	[/^actors check/, /counter\.yaml/],
	[/^send counter/, /\{"total":2\}/],
	[/^describe actor counter\/shelf-7/, /"total": 2[\s\S]*ADD \{"by":2\}/],
	[/^get actors/, /watchdog +1 +1 +\S+ +\S+ +1: nginx: /],
	[/^describe actor watchdog$/, /states +idle, watching/],
	[/^describe actor watchdog\/nginx/, /status +parked/],
	[/^actors unpark watchdog\/nginx/, /watchdog\/nginx {2}unparked/],
	[/^fork actor watchdog\/nginx --at 12/, /state/],
	[/^replay --against \S+ --node ship1/, /^differences 0 /m],
	[/^replay --against \S+ --folder/, /^differences 0 /m],
];

/**
 * The first YAML definition of the guide, and the watchdog of the examples with one more event,
 * which parks it.
 */
function writeActors(folder: string): void {
	mkdirSync(folder, { recursive: true });
	const [, counter = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(guide) ?? [];
	writeFileSync(join(folder, 'counter.yaml'), counter);
	const breaks = "BREAK: { actions: assign(() => { throw new Error('it breaks'); }) },";
	const text = readFileSync(new URL('watchdog.ts', examples), 'utf8')
		.replace('TELL: {', `${breaks}\n\t\tTELL: {`)
		.replace("| { type: 'TELL' }", "| { type: 'TELL' } | { type: 'BREAK' }")
		.replace('version: 1,', 'version: 1,\n\tintensity: 0,')
		.replaceAll(/'(\.\.\/[^']+)'/g, (_, path: string) => `'${new URL(path, examples).href}'`)
		.replaceAll("'xstate'", `'${import.meta.resolve('xstate')}'`);
	writeFileSync(join(folder, 'watchdog.ts'), text);
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
}

test('every command of the guide does what it says', { timeout: 300_000 }, async (t) => {
	const cwd = temporaryFolder(t);
	const reeve = (...words: string[]) => runReeve(words, { cwd });
	writeActors(join(cwd, 'actors'));
	cpSync(join(cwd, 'actors'), join(cwd, 'actors-next'), { recursive: true });
	const backup = join(cwd, 'backup');
	const done: string[] = [];
	for (const [program, ...given] of commands) {
		assert.equal(program, 'reeve');
		const words = given.map((word) => word.replace('/var/backups/reeve-ship1', backup));
		const line = words.join(' ');
		if (words[0] === 'dev') {
			const dev = startReeve(words, { cwd });
			t.after(async () => {
				dev.child.kill('SIGINT');
				await dev.finished;
			});
			await dev.until(/Now, in another terminal/);
			continue;
		}
		if (line === 'get actors') {
			const events = [...Array.from({ length: 12 }, () => 'TELL'), 'BREAK'];
			for (const event of events) {
				const sent = await reeve(...sendToNginx(event));
				assert.equal(sent.code, 0, sent.stderr);
			}
			await until('it is parked', async () =>
				/nginx: /.test((await reeve('get', 'actors')).stdout),
			);
		}
		if (line.includes(backup)) await reeve('backup', backup, '--node', 'ship1');
		const [, answer] = answers.find(([command]) => command.test(line)) ?? [];
		assert.ok(answer, `it is not known what ${line} has to say`);
		const { code, stdout, stderr } = await reeve(...words);
		assert.equal(code, 0, `${line}: ${stderr}`);
		assert.match(stdout, answer, line);
		done.push(line);
	}
	assert.equal(done.length, answers.length);
	const schema = await reeve('config', 'schema', 'actor');
	assert.equal(Reflect.get(JSON.parse(schema.stdout) as object, 'type'), 'object');
	const reload = await reeve('actors', 'reload', '--dry-run');
	assert.match(reload.stdout, /counter\.yaml +unchanged/);
});

const sendToNginx = (event: string) =>
	['send', 'watchdog', '--to', 'central', 'key=nginx', '--detach', '--', event] as const;
