import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { rooms } from './support/rooms.ts';
import { sourceFiles } from './support/source-text.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = sourceFiles(root, ['runtime', 'actors', 'supervisors', 'transports']);
const filesMax = 30;
const readmeLinesMax = 12;

/** An import of one room by another, types included. */
interface Edge {
	readonly file: string;
	readonly from: string;
	readonly to: string;
	readonly door: string;
}

const edges: readonly Edge[] = files.flatMap(({ path, plain }) =>
	[...plain.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].flatMap(([, specifier = '']) => {
		const target = posix.join(dirname(path), specifier);
		const [from, to] = [dirname(path), dirname(target)];
		return from === to ? [] : [{ file: path, from, to, door: basename(target, '.ts') }];
	}),
);

test('every folder of source is a room of the table, and every room is a folder', () => {
	const folders = new Set(files.map(({ path }) => dirname(path)));
	assert.deepEqual([...folders].toSorted(), Object.keys(rooms).toSorted());
});

test(`no room has more than ${filesMax} files`, () => {
	for (const room of Object.keys(rooms)) {
		const count = files.filter(({ path }) => dirname(path) === room).length;
		assert.ok(count <= filesMax, `${room} has ${count} files`);
	}
});

test(`every room has a README of at most ${readmeLinesMax} lines, which names its doors`, () => {
	for (const [room, { doors }] of Object.entries(rooms)) {
		assert.ok(readdirSync(join(root, room)).includes('README.md'), `${room} has no README.md`);
		const text = readFileSync(join(root, room, 'README.md'), 'utf8');
		const lines = text.trimEnd().split('\n').length;
		assert.ok(lines <= readmeLinesMax, `${room}/README.md has ${lines} lines`);
		if (doors.length > 0) {
			const isNamed = doors.some((door) => text.includes(`${door}.ts`));
			assert.ok(isNamed, `${room}/README.md names none of its doors`);
		}
	}
});

test('no import leads into a room that the table does not allow, or past its doors', () => {
	const refused = edges.filter(({ from, to, door }) => {
		return !rooms[from]?.uses.includes(to) || !rooms[to]?.doors.includes(door);
	});
	assert.deepEqual(
		refused.map(({ file, to, door }) => `${file} imports ${to}/${door}.ts`),
		[],
		'an edge is added to spec/support/rooms.ts, or the import goes',
	);
});

test('the table allows nothing that no import needs', () => {
	const unused = Object.entries(rooms).flatMap(([room, { doors, uses }]) => [
		...uses
			.filter((used) => !edges.some(({ from, to }) => from === room && to === used))
			.map((used) => `${room} does not use ${used}`),
		...doors
			.filter((name) => !edges.some(({ to, door }) => to === room && door === name))
			.map((name) => `${room}/${name}.ts is imported by no other room`),
	]);
	assert.deepEqual(unused, []);
});

/** All rooms that a room reaches through others. */
function reach(room: string, seen = new Set<string>()): ReadonlySet<string> {
	for (const used of rooms[room]?.uses ?? []) {
		if (!seen.has(used)) reach(used, seen.add(used));
	}
	return seen;
}

test('no room reaches itself through others', () => {
	const circles = Object.keys(rooms).filter((room) => reach(room).has(room));
	assert.deepEqual(circles, []);
});

/** What makes rooms worth having: a room, what it never reaches, and why. */
const statements: readonly (readonly [room: string, never: RegExp, reason: string])[] = [
	['runtime/platform', /./, 'it is what everything stands on'],
	['runtime/journal', /message|mailbox|ledger|delivery/, 'the journal knows no messages'],
	['runtime/security', /ledger|delivery|intake/, 'security knows no ledger'],
	['actors/replay', /durable/, 'replay knows no hosts'],
	['supervisors/otp', /^(?!runtime\/(?:observability|platform)$)/, 'otp knows no node'],
	['actors/methods', /^actors\/(?!io$)|delivery|intake/, 'a method knows no call and no outbox'],
	['transports/mqtt', /delivery|ledger|mailbox|intake/, 'a wire does not know what it carries'],
];

for (const [room, never, reason] of statements) {
	test(`${reason}: what ${room} does not reach`, () => {
		assert.ok(rooms[room], room);
		assert.deepEqual(
			[...reach(room)].filter((each) => never.test(each)),
			[],
		);
	});
}

test('actors and transports are strangers, and runtime reaches neither', () => {
	for (const [room, { uses }] of Object.entries(rooms)) {
		const [folder = ''] = room.split('/');
		const allowed: Readonly<Record<string, readonly string[]>> = {
			runtime: ['runtime'],
			actors: ['runtime', 'actors'],
			transports: ['runtime', 'transports'],
			supervisors: ['runtime', 'actors', 'transports', 'supervisors'],
		};
		const wrong = uses.filter((used) => !allowed[folder]?.includes(used.split('/')[0] ?? ''));
		assert.deepEqual(wrong, [], room);
	}
});
