/**
 * OTP's `supervisor_SUITE`, in our words: all of its cases, and our own. They are written down in files
 * by subject; this is the one that runs them, and that fails if a case is left out.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { supervisorCases } from './supervisor-cases.ts';

const subjects = [
	'start',
	'api',
	'strategies',
	'exits',
	'significant',
	'change',
	'reports',
	'own',
] as const;

for (const subject of subjects) await import(`./supervisor-${subject}.ts`);

/** The tests of one subject, as they are written down. */
function titlesOf(subject: string): string[] {
	const text = readFileSync(new URL(`supervisor-${subject}.ts`, import.meta.url), 'utf8');
	assert.doesNotMatch(text, /\bskip\b/, `${subject} leaves tests out`);
	return [...text.matchAll(/^test\(\s*'([^']+)'/gm)].map(([, title = '']) => title);
}

const titles = subjects.flatMap(titlesOf);
const nameOf = (title: string) => /^(\w+): \w/.exec(title)?.[1];

test('every case has exactly one test, titled with its name and a sentence', () => {
	const named = titles.map(nameOf);
	assert.deepEqual(
		supervisorCases.filter((name) => named.filter((other) => other === name).length !== 1),
		[],
	);
});

test('no test claims to be a case that there is not', () => {
	const strange = titles.map(nameOf).filter((name) => !name || !supervisorCases.includes(name));
	assert.deepEqual(strange, []);
});

test('there are at least ninety cases of OTP, each once', () => {
	assert.equal(new Set(supervisorCases).size, supervisorCases.length);
	assert.ok(supervisorCases.length >= 90);
});
