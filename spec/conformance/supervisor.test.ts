/**
 * OTP's `supervisor_SUITE`, in our words: all of its cases, and our own. They are written down in
 * files by subject; this is the one that runs them, and that fails if a case is left out.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import './supervisor-start.ts';
import './supervisor-api.ts';
import './supervisor-strategies.ts';
import './supervisor-exits.ts';
import './supervisor-significant.ts';
import './supervisor-change.ts';
import './supervisor-reports.ts';
import './supervisor-own.ts';
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

const textOf = (subject: string) =>
	readFileSync(new URL(`supervisor-${subject}.ts`, import.meta.url), 'utf8');

/** The tests of one subject, as they are written down. */
function titlesOf(subject: string): string[] {
	const text = textOf(subject);
	return [...text.matchAll(/^test\(\s*'([^']+)'/gm)].map(([, title = '']) => title);
}

const titles = subjects.flatMap(titlesOf);
const nameOf = (title: string) => /^(\w+): \w/.exec(title)?.[1];

test('every subject is run', () => {
	const imports = readFileSync(new URL(import.meta.url), 'utf8').matchAll(
		/^import '\.\/supervisor-(\w+)\.ts';$/gm,
	);
	assert.deepEqual(
		[...imports].map(([, subject]) => subject),
		subjects,
	);
	const files = readdirSync(new URL('.', import.meta.url));
	const ours = files.filter((file) => /^supervisor-(?!cases)/.test(file));
	assert.equal(ours.length, subjects.length);
});

test('no test is left out', () => {
	for (const subject of subjects) assert.doesNotMatch(textOf(subject), /\bskip\b/, subject);
});

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
