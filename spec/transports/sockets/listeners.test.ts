import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import exposedFolder from '../../../transports/http/exposed-folder.ts';
import profiling from '../../../transports/http/profiling.ts';
import prometheus from '../../../transports/http/prometheus.ts';
import { freePort } from '../../support/broker.ts';
import { startListeningNode } from '../../support/local-nodes.ts';

/** The status of a path that is sent as it stands; fetch would straighten it. */
function statusOf(url: string, path: string, method = 'GET'): Promise<number> {
	const { hostname, port } = new URL(url);
	return new Promise((resolve, reject) => {
		request({ hostname, port, path, method }, (answer) => {
			answer.resume();
			resolve(answer.statusCode ?? 0);
		})
			.on('error', reject)
			.end();
	});
}

async function startFolder(t: TestContext) {
	const started = await startListeningNode(t, [exposedFolder], { exposeDataFolder: '127.0.0.1:0' });
	const data = join(started.folder, 'data');
	mkdirSync(join(data, 'logs', 'ship1'), { recursive: true });
	writeFileSync(join(data, 'logs', 'ship1', 'some <b>.log'), 'one\ntwo\n');
	writeFileSync(join(data, '.append-note'), 'note');
	return { ...started, data, url: started.address('exposed-folder') };
}

test('the data folder is shown: folders as lists, files as they are', async (t) => {
	const { url } = await startFolder(t);
	const list = await (await fetch(`${url}/logs/ship1/`)).text();
	assert.match(list, /<a href="\/logs\/ship1\/some%20%3Cb%3E\.log">some &lt;b&gt;\.log<\/a>/);
	const file = await fetch(`${url}/logs/ship1/some%20%3Cb%3E.log`);
	assert.equal(await file.text(), 'one\ntwo\n');
	assert.equal(file.headers.get('content-length'), '8');
	for (const path of [
		'',
		'/logs/',
		'/logs/ship1/some%20%3Cb%3E.log',
		'/nothing',
		'/.append-note',
	]) {
		const { headers, body } = await fetch(`${url}${path}`);
		await body?.cancel();
		const names = ['x-content-type-options', 'cross-origin-resource-policy', 'cache-control'];
		const said = names.map((name) => headers.get(name));
		assert.deepEqual(said, ['nosniff', 'same-origin', 'no-store'], path);
	}
	const head = await fetch(`${url}/logs/ship1/some%20%3Cb%3E.log`, { method: 'HEAD' });
	assert.deepEqual([head.status, await head.text()], [200, '']);
	assert.match(await (await fetch(url)).text(), />logs\/<\/a>/);
});

test('nothing outside of the data folder is reached: not by dots, not by links, not by encodings', async (t) => {
	const { url, data, folder } = await startFolder(t);
	writeFileSync(join(folder, 'secret'), 'secret');
	symlinkSync(join(folder, 'secret'), join(data, 'link'));
	symlinkSync(folder, join(data, 'up'));
	symlinkSync(join(data, 'logs'), join(data, 'inside'));
	const paths = [
		'/../secret',
		'/logs/../../secret',
		'/%2e%2e/secret',
		'/..%2fsecret',
		'/link',
		'/up/secret',
		'/logs/%00',
		'/.append-note',
		'/%2eappend-note',
		'/logs%5c..%5c..',
		'/%zz',
		'//etc/passwd',
		'/nothing',
	];
	for (const path of paths) assert.equal(await statusOf(url, path), 404, path);
	assert.equal(await statusOf(url, '/inside/ship1/'), 200, 'a link that stays inside is followed');
});

test('it can only be read, and is refused where others reach it without a token', async (t) => {
	const { url } = await startFolder(t);
	for (const method of ['PUT', 'POST', 'DELETE']) {
		assert.equal(await statusOf(url, '/logs/x', method), 404, method);
	}
	const config = configOf({ exposeDataFolder: ':8080', listenerLogin: false });
	await assert.rejects(async () => exposedFolder.check?.(config), { code: 'unguarded' });
	assert.equal(exposedFolder.wanted(configOf()), false);
});

test('Prometheus gets the metrics where promHostAndPort says, and nothing else', async (t) => {
	const { address } = await startListeningNode(t, [prometheus], { promHostAndPort: ':0' });
	const url = address('prometheus').replace('0.0.0.0', '127.0.0.1');
	const answer = await fetch(`${url}/metrics`);
	assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
	const text = await answer.text();
	assert.match(text, /^# TYPE reeve_messages_accepted_total counter$/m);
	assert.match(text, /^steward_build_version\{version="[^"]+"\} 1$/m);
	for (const path of ['/', '/messages', '/events', '/api/tree']) {
		assert.equal(await statusOf(url, path), 404, path);
	}
	assert.equal(prometheus.wanted(configOf()), false, 'without a word from us nothing is opened');
});

test('a CPU profile is one file, one at a time, on the loopback interface', async (t) => {
	const port = String(await freePort());
	const { address } = await startListeningNode(t, [profiling], { profilingPort: port });
	const url = address('profiling');
	assert.equal(url, `http://127.0.0.1:${port}`);
	const first = fetch(`${url}/profile?seconds=0.5`);
	const second = await fetch(`${url}/debug/pprof/profile?seconds=0.2`);
	const answers = [await first, second];
	assert.deepEqual(answers.map(({ status }) => String(status)).toSorted(), ['200', '503']);
	const good = answers.find(({ status }) => status === 200);
	const profile = (await good?.json()) as { nodes: object[]; samples: number[] };
	assert.ok(profile.nodes.length > 1);
	assert.equal((await fetch(`${url}/profile?seconds=x`)).status, 400);
	assert.equal((await fetch(`${url}/profile?seconds=61`)).status, 400);
});

test('a stop ends a profile that is being taken', async (t) => {
	const port = String(await freePort());
	const { address, node } = await startListeningNode(t, [profiling], { profilingPort: port });
	const taking = fetch(`${address('profiling')}/profile?seconds=60`).catch(() => 'cut');
	const busy = async () => (await fetch(`${address('profiling')}/profile?seconds=0.01`)).status;
	while ((await busy()) !== 503);
	await node.stop();
	assert.equal(await taking, 'cut');
});
