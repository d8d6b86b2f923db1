/**
 * The invariants of delivery, supervision and durable actors, each as a test that injects the fault
 * which would break it. They are written down in files by subject; this is the one that runs them,
 * and that fails if a number is left out. Most run on the simulated wire, with seeds: what fails
 * names its seed, and `REEVE_SEED` runs that one alone.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import './invariant-sending.ts';
import './invariant-running.ts';
import './invariant-flow.ts';
import './invariant-broker.ts';
import './invariant-store.ts';
import './invariant-identity.ts';
import './invariant-actor.ts';
import './invariant-instance.ts';
import { invariantCases } from './invariant-cases.ts';

const subjects = [
	'sending',
	'running',
	'flow',
	'broker',
	'store',
	'identity',
	'actor',
	'instance',
] as const;

const textOf = (subject: string) =>
	readFileSync(new URL(`invariant-${subject}.ts`, import.meta.url), 'utf8');

/** The tests of one subject, as they are written down. */
function titlesOf(subject: string): string[] {
	return [...textOf(subject).matchAll(/^test\(\s*(['"])(.+?)\1,/gm)].map(
		([, , title = '']) => title,
	);
}

const titles = subjects.flatMap(titlesOf);
const nameOf = (title: string) => /^(I\d+): \w/.exec(title)?.[1];

test('every subject of the invariants is run', () => {
	const imports = readFileSync(new URL(import.meta.url), 'utf8').matchAll(
		/^import '\.\/invariant-(\w+)\.ts';$/gm,
	);
	assert.deepEqual(
		[...imports].map(([, subject]) => subject),
		subjects,
	);
	const files = readdirSync(new URL('.', import.meta.url));
	const ours = files.filter((file) => /^invariant-(?!cases)/.test(file));
	assert.equal(ours.length, subjects.length);
});

test('every invariant has exactly one test, titled with its number and its sentence', () => {
	const named = titles.map(nameOf);
	assert.deepEqual(
		invariantCases.filter((name) => named.filter((other) => other === name).length !== 1),
		[],
	);
	assert.equal(titles.length, invariantCases.length);
});
