import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { runDurably, type DurableCase, type Fate } from './durable-run.ts';
import { sortCases, type PassedCase } from './forms.ts';
import { namesIn, refusals, rowOf, type Refusal } from './refusals.ts';
import { allCases } from './suite.ts';

const cases = allCases();
const { passed, notConverted, otherInXState, notInYaml } = await sortCases(cases);
const guide = readFileSync(new URL('../../docs/actors.md', import.meta.url), 'utf8');

/** The names that are listed as refused by these. */
function listed(...by: readonly Refusal['by'][]): readonly string[] {
	const rows = Object.values(refusals).filter((row) => by.includes(row.by));
	return rows.flatMap(namesIn).toSorted();
}

test('every SCXML case that is not run as a machine is listed with its reason, and no other', () => {
	const names = (found: ReadonlyMap<string, string>) => [...found.keys()].toSorted();
	assert.deepEqual(names(notConverted), listed('all forms'));
	assert.deepEqual(names(otherInXState), listed('XState'), 'what differs in plain XState');
	assert.deepEqual(names(notInYaml), listed('YAML'));
	for (const [name, reason] of [...notConverted, ...notInYaml]) {
		const row = refusals[reason];
		assert.ok(row && namesIn(row).includes(name), `${name} is refused because of ${reason}`);
	}
	assert.equal(passed.length + notConverted.size + otherInXState.size, cases.length);
});

test('the guide names each reason for which an SCXML case is not run, with the cases', () => {
	for (const row of Object.values(refusals)) assert.ok(guide.includes(rowOf(row)), rowOf(row));
	const inYaml = passed.length - notInYaml.size;
	const counts = [cases.length, passed.length, inYaml].map(String);
	const said = /the (\d+) cases[^]*?(\d+) of them[^]*?(\d+)\s+as YAML/u.exec(guide)?.slice(1);
	assert.deepEqual(said, counts);
});

/** What is held against XState; of a YAML definition only states, for CEL has no undefined. */
interface Form {
	readonly run: DurableCase;
	readonly wanted: (looks: PassedCase['looks']) => unknown;
	readonly of: PassedCase;
}

const states = (looks: PassedCase['looks']) => looks.map((look) => look.states);
const forms = passed.flatMap((each): Form[] => {
	const { steps, program, yaml } = each;
	const first: Form = { run: { definition: program, steps }, wanted: (looks) => looks, of: each };
	if (!yaml) return [first];
	return [first, { run: { definition: yaml, steps }, wanted: states, of: each }];
});

/** Runs the cases that `applies` chooses, in all their forms, and compares them with XState. */
async function agree(
	t: TestContext,
	fate: Fate,
	applies: (of: PassedCase) => boolean,
): Promise<number> {
	const chosen = forms.filter(({ of }) => applies(of));
	assert.ok(chosen.length > 100, `only ${chosen.length} actors`);
	const { looks, crashes } = await runDurably(
		t,
		chosen.map(({ run }) => run),
		fate,
	);
	for (const { run, wanted, of } of chosen) {
		const { name } = run.definition;
		assert.deepEqual(wanted(looks.get(name) ?? []), wanted(of.looks), name);
	}
	return crashes;
}

const hasEvents = ({ steps }: PassedCase) => steps.some(({ event }) => event);
const takesTime = ({ steps }: PassedCase) => steps.some(({ atMs }) => atMs > 1);

test('durable actors go through the states of SCXML cases', async (t) => {
	await agree(t, 'nothing', (of) => hasEvents(of) || takesTime(of));
});

test('durable actors go through the states of SCXML cases, with a crash between every two events', async (t) => {
	assert.ok((await agree(t, 'between', () => true)) > 15);
});

test('durable actors go through the states of SCXML cases, with a crash as soon as an event is on disk', async (t) => {
	assert.ok((await agree(t, 'under way', hasEvents)) > 5);
});

test('durable actors go through the states of SCXML cases, removed from memory between every two events', async (t) => {
	await agree(t, 'passivated', (of) => hasEvents(of) && !takesTime(of));
});
