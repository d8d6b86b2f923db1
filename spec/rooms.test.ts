import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
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

test('the heart of a room is the file that bears its name', () => {
	for (const [room, { heart }] of Object.entries(rooms)) {
		const isThere = existsSync(join(root, room, `${basename(room)}.ts`));
		assert.equal(heart, isThere ? basename(room) : undefined, room);
	}
});

const readmeForm = /^# (?<title>\S+)\n\n[^]+\n\nDoors: (?<doors>[^]+)\n\nNever: (?<never>[^]+)\n$/;
const folders = /^(?:runtime|actors|supervisors|transports)(?:\/[\w-]+)*$/;

/** What is wrong with the text of a README, compared with its row of the table. */
function faultsOf(room: string, text: string): readonly string[] {
	const { doors = [], never = [] } = rooms[room] ?? {};
	const parts = readmeForm.exec(text)?.groups;
	if (!parts) return ['has another form than title, Doors and Never'];
	const named = (part = '') => [...part.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name);
	const filesIn = (part?: string) => named(part).filter((name) => /^[\w-]+\.ts$/.test(name));
	const asText = (names: readonly string[]) => names.toSorted().join(' ');
	const said = asText(filesIn(parts['doors']).map((name) => name.replace('.ts', '')));
	const avoided = asText(named(parts['never']).filter((name) => folders.test(name)));
	return [
		...(text.trimEnd().split('\n').length > readmeLinesMax ? ['is too long'] : []),
		...(parts['title'] === room ? [] : [`has the title ${parts['title']}`]),
		...(said === asText(doors) ? [] : [`names the doors ${said}; the table, ${asText(doors)}`]),
		...(avoided === asText(never) ? [] : [`never: ${avoided}; the table, ${asText(never)}`]),
		...named(text)
			.filter((name) => name.endsWith('.ts') && !isFile(room, name))
			.map((name) => `names ${name}, which is not there`),
	];
}

const isFolder = (name: string) => Object.keys(rooms).some((room) => room.startsWith(`${name}/`));
const isFile = (room: string, name: string) =>
	[root, join(root, room)].some((folder) => existsSync(join(folder, name)));

test('every room has a short README that agrees with the table', () => {
	const faults = Object.keys(rooms).flatMap((room) => {
		const text = readFileSync(join(root, room, 'README.md'), 'utf8');
		return faultsOf(room, text).map((fault) => `${room}/README.md ${fault}`);
	});
	assert.deepEqual(faults, []);
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

/** The rooms that `room` reaches although the table says that it never does. */
function reachedAnyway(room: string): readonly string[] {
	const never = rooms[room]?.never ?? [];
	return [...reach(room)].filter((reached) =>
		never.some((each) => reached === each || reached.startsWith(`${each}/`)),
	);
}

test('no room reaches what the table says it never does, not even through others', () => {
	for (const [room, { never = [] }] of Object.entries(rooms)) {
		assert.deepEqual(reachedAnyway(room), [], room);
		const unknown = never.filter((each) => !(each in rooms) && !isFolder(each));
		assert.deepEqual(unknown, [], `${room}: no such room`);
	}
});

/** The statements that make rooms worth having; they may not go from the table. */
const statements: readonly (readonly [room: string, never: readonly string[], reason: string])[] = [
	['runtime/platform', ['runtime', 'actors', 'supervisors'], 'all other rooms stand on it'],
	['runtime/journal', ['runtime/message'], 'the journal knows no messages'],
	['runtime/security', ['runtime/ledger', 'runtime/delivery'], 'security knows no ledger'],
	['actors/replay', ['actors/durable'], 'replay knows no hosts'],
	['supervisors/otp', ['runtime/message', 'runtime/journal', 'actors'], 'otp knows no node'],
];

for (const [room, never, reason] of statements) {
	test(`${reason}: the table says so of ${room}`, () => {
		for (const each of never) assert.ok(rooms[room]?.never?.includes(each), each);
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
