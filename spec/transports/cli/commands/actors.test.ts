/** Looking at actors, and replaying with other definitions, on the watchdog of the examples. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import type {
	ActorRow,
	Difference,
	ForkTurn,
	InstanceRow,
	ReplayTotals,
} from '../../../../runtime/queries/actor-rows.ts';
import { runReeve } from '../../../support/command-line.ts';
import { type Fleet, startFleet } from '../../../support/processes.ts';
import { startFromSources } from '../../../support/program.ts';

startFromSources();

const examples = new URL('../../../../examples/actors/', import.meta.url);
const original = readFileSync(new URL('watchdog.ts', examples), 'utf8');

let fleet: Fleet;
let journal = '';
before(async () => {
	fleet = await startFleet([]);
	journal = join(fleet.folder, 'ship1', 'db');
	await fleet.start('ship1', ['--definitionsFolder', folderOf('now')]);
	const watch = { check: 'false', restart: 'false', everyMs: 10 };
	await send('broken', 'WATCH', JSON.stringify(watch));
	for (;;) if ((await described('broken')).value === 'hopeless') break;
	await send('broken', 'REPAIRED');
	for (;;) {
		const { value, history } = await described('broken');
		const isRepaired = history.some(({ event }) => event?.type === 'REPAIRED');
		if (isRepaired && value === 'hopeless') break;
	}
});
after(() => fleet.stop());

/** A definitions folder with the watchdog, in which some text is replaced. */
function folderOf(name: string, ...changes: (readonly [from: string, to: string])[]): string {
	const folder = join(fleet.folder, 'definitions', name);
	let text = original;
	for (const [from, to] of changes) {
		assert.ok(text.includes(from), `the example does not say ${from}`);
		text = text.replaceAll(from, to);
	}
	mkdirSync(folder, { recursive: true });
	text = text.replaceAll(
		/'(\.\.\/[^']+)'/g,
		(_, path: string) => `'${new URL(path, examples).href}'`,
	);
	text = text.replaceAll("'xstate'", `'${import.meta.resolve('xstate')}'`);
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	writeFileSync(join(folder, 'watchdog.ts'), text);
	return folder;
}

async function send(key: string, ...methodArgs: string[]): Promise<string> {
	const message = { toNode: 'ship1', method: 'watchdog', methodArgs, key, replyMethod: 'REQNone' };
	const [answer] = await fleet.send('ship1', [message]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	return answer.id;
}

async function described(key: string): Promise<InstanceRow> {
	const question = { reeve: 'actor', actor: 'watchdog', key };
	const [row] = (await fleet.ask('ship1', question).catch(() => [])) as InstanceRow[];
	return row ?? described(key);
}

const reeve = (...words: string[]) => runReeve(words, { cwd: fleet.folder });
const atNode = () => ['--socket', fleet.socket('ship1')];

/** The JSON lines that a command has printed. */
const linesOf = (stdout: string): unknown[] =>
	stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as unknown);

/** What a replay finds: the differences, and the totals. */
async function replay(against: string, ...where: string[]) {
	const { code, stdout, stderr } = await reeve('replay', '--against', against, '--json', ...where);
	const lines = stdout === '' ? [] : linesOf(stdout);
	const totals = lines.pop() as ReplayTotals;
	return { code, stderr, totals, differences: lines as Difference[] };
}

test('actors are listed, and an instance is described with its state, its waits and its history', async () => {
	const list = await reeve('get', 'actors', '-o', 'json', ...atNode());
	const [row] = JSON.parse(list.stdout) as ActorRow[];
	assert.deepEqual([row?.name, row?.version, row?.stored, row?.parked], ['watchdog', 1, 1, []]);
	const table = await reeve('get', 'actors', ...atNode());
	assert.match(
		table.stdout,
		/ACTOR +VERSION +INSTANCES +ACTIVE +WAITING +PARKED.*\nwatchdog +1 +1 /,
	);

	const definition = await reeve('describe', 'actor', 'watchdog', ...atNode());
	assert.match(
		definition.stdout,
		/states +idle, watching, checking, restarting, waiting, hopeless/,
	);
	assert.match(definition.stdout, /events +REPAIRED, TELL, WATCH/);
	assert.match(definition.stdout, /broken +1 +\d+ +active +hopeless/);

	const text = await reeve('describe', 'actor', 'watchdog/broken', ...atNode());
	assert.match(text.stdout, /^state +hopeless$/m);
	assert.match(text.stdout, /"failures": 3/);
	assert.match(text.stdout, /^ +1 +\S+Z +WATCH \{"check":"false".* +checking +step command false/m);
	assert.match(text.stdout, /alert critical false: restarts do not help/);
	const data = await reeve('describe', 'actor', 'watchdog/broken', '-o', 'jsonl', ...atNode());
	const [instance] = linesOf(data.stdout) as InstanceRow[];
	assert.equal(instance?.history.length, Math.min(instance?.turn ?? 0, 32));
	assert.deepEqual([instance?.timers, instance?.steps, instance?.mail], [[], [], []]);
	const none = await reeve('describe', 'actor', 'watchdog/nobody', ...atNode());
	assert.equal(none.code, 3);
	const near = await reeve('describe', 'actor', 'watchdgo', ...atNode());
	assert.match(near.stderr, /is it watchdog\?/);
});

test('a replay through the same definitions finds nothing, and one through others finds a removed state, a renamed event and a changed guard', async () => {
	const same = await replay(folderOf('same'), ...atNode());
	assert.deepEqual([same.code, same.differences], [0, []], same.stderr);
	assert.ok(same.totals.turns > 10);

	const removed = await replay(folderOf('removed', ['hopeless', 'givenUp']), ...atNode());
	assert.equal(removed.code, 4);
	const [gone] = removed.differences;
	assert.deepEqual([gone?.actor, gone?.key, gone?.what], ['watchdog', 'broken', 'state_gone']);
	assert.match(gone?.detail ?? '', /hopeless/);

	const renamed = await replay(folderOf('renamed', ['REPAIRED', 'FIXED']), ...atNode());
	assert.equal(renamed.code, 4);
	assert.deepEqual(
		renamed.differences.map(({ key, what, event }) => [key, what, event]),
		[['broken', 'event_unknown', 'REPAIRED']],
	);

	const folder = folderOf('guard', ['failuresMax = 3', 'failuresMax = 2']);
	const guarded = await replay(folder, ...atNode());
	assert.equal(guarded.code, 4);
	const elsewhere = guarded.differences.find(({ what }) => what === 'target');
	assert.deepEqual(
		[elsewhere?.key, elsewhere?.event],
		['broken', 'xstate.error.actor.0.watchdog.checking'],
	);
	assert.equal(elsewhere?.detail, 'it led to restarting, and now leads to hopeless');
	const text = await reeve('replay', '--against', folder, ...atNode());
	assert.match(
		text.stdout,
		/^watchdog\/broken, turn \d+ \S+: an event leads elsewhere: it led to/m,
	);
	assert.match(text.stdout, /^differences \d+ \(1 actors, 1 instances, \d+ turns replayed.*\)$/m);
});

test('a parked instance is shown with the reason, and is unparked by hand', async () => {
	await fleet.kill('ship1');
	await fleet.start('ship1', ['--definitionsFolder', folderOf('parking', ['hopeless', 'givenUp'])]);
	const id = await send('broken', 'TELL');
	for (;;) if ((await described('broken')).parked !== undefined) break;
	const list = await reeve('get', 'actors', ...atNode());
	assert.match(list.stdout, /1: broken: .*hopeless/);
	const text = await reeve('describe', 'actor', 'watchdog/broken', ...atNode());
	assert.match(text.stdout, /^status +parked$/m);
	assert.match(text.stdout, new RegExp(`${id} +ship1 +TELL`));

	const same = await reeve('actors', 'unpark', 'watchdog/broken', ...atNode());
	assert.equal(same.code, 4);
	assert.match(same.stderr, /the instance is parked/);
	const fresh = await reeve('actors', 'unpark', 'watchdog/broken', '--fresh', ...atNode());
	assert.deepEqual(
		[fresh.code, fresh.stdout],
		[0, 'watchdog/broken  unparked (fresh), 1 waited\n'],
	);
	const [row] = await fleet.settled('ship1', [id]);
	assert.equal((JSON.parse(row?.output ?? '') as { failures: number }).failures, 0);
	const told = (await fleet.ask('ship1', { reeve: 'events', type: 'error.reported' })) as {
		readonly text: string;
	}[];
	const texts = told.map(({ text }) => text).join('\n');
	assert.match(texts, /error: watchdog\/broken is parked: .*hopeless/);
	assert.match(texts, /info: watchdog\/broken was unparked by hand \(fresh\), 1 waited/);
	const again = await reeve('actors', 'unpark', 'watchdog/broken', ...atNode());
	assert.equal(again.code, 3);
});

test('a copy of an instance takes events, and neither it nor a replay writes anything to the journal', async () => {
	await fleet.kill('ship1');
	const bytes = readFileSync(join(journal, 'data.mdb'));
	const definitions = folderOf('now');
	const where = ['--definitions', definitions, '--folder', journal, '--json'];
	const fork = (...words: string[]) =>
		reeve('fork', 'actor', 'watchdog/broken', ...words, ...where);
	const watch = 'WATCH {"check":"true","restart":"true","everyMs":5}';
	const tried = await fork('--at', '3', '--send', 'TELL', watch, 'NOD');
	assert.equal(tried.code, 4, tried.stderr);
	const [start, told, watched, unknown] = linesOf(tried.stdout) as ForkTurn[];
	assert.equal(start?.event, undefined);
	assert.match(told?.did[0] ?? '', /^reply \{"check":"false"/);
	assert.deepEqual([watched?.value, watched?.did], ['checking', ['step command true']]);
	assert.deepEqual(watched?.steps, ['xstate.done.actor.0.watchdog.checking']);
	assert.match(unknown?.error ?? '', /unknown_event: NOD/);
	const typed = await runReeve(['fork', 'actor', 'watchdog/broken', '--at', '3', ...where], {
		cwd: fleet.folder,
		input: `${watch}\nxstate.done.actor.0.watchdog.checking\n\n`,
	});
	const last = linesOf(typed.stdout).at(-1) as ForkTurn;
	assert.deepEqual([typed.code, last.value], [0, 'watching']);
	assert.deepEqual(last.timers, ['xstate.after.EVERY.watchdog.watching']);
	assert.equal((await fork('--at', '9999')).code, 3);
	const stopped = await replay(folderOf('stopped', ['REPAIRED', 'FIXED']), '--folder', journal);
	assert.equal(stopped.code, 4);
	assert.ok(readFileSync(join(journal, 'data.mdb')).equals(bytes));
	assert.equal((await replay(definitions, '--folder', fleet.folder)).code, 3);
	assert.equal((await reeve('replay', '--folder', journal)).code, 2);
});
