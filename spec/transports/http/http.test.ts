import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import http from '../../../transports/http/http.ts';
import { missing } from '../../support/broker.ts';
import { createCertificates } from '../../support/certificates.ts';
import { startListeningNode } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

interface Body {
	readonly ids: string[];
	readonly answers: { error?: string; detail?: string; issues?: { path: unknown[] }[] }[];
	readonly messages: MessageRow[];
	readonly error: string;
}

async function start(t: TestContext, values: Parameters<typeof configOf>[0] = {}, options = {}) {
	const own = { httpListener: '127.0.0.1:0', ...values };
	const started = await startListeningNode(t, [http], { ...own, options });
	const url = started.address('http');
	const post = async (text: string, query = '', headers: Record<string, string> = {}) => {
		const answer = await fetch(`${url}/messages${query}`, { method: 'POST', body: text, headers });
		return { status: answer.status, body: (await answer.json()) as Body };
	};
	return { ...started, url, post };
}

const exec = (script: string) => ({
	toNode: 'central',
	method: 'exec',
	methodArgs: ['sh', '-c', script],
});

test('a message is answered with 202 and its id, which is in the ledger', async (t) => {
	const { post, url } = await start(t);
	const { status, body } = await post(JSON.stringify(exec('echo 1')));
	assert.equal(status, 202);
	const [id = ''] = body.ids;
	const described = (await (await fetch(`${url}/api/messages/${id}`)).json()) as { id: string };
	assert.equal(described.id, id);
});

test('JSON with trailing commas, lists and YAML are taken', async (t) => {
	const { post } = await start(t);
	const commas = '[{"toNode":"central","method":"ping",},{"toNode":"central","method":"REQPing"},]';
	assert.equal((await post(commas)).body.ids.length, 2);
	const yaml =
		'- toNode: central\n  method: exec\n  methodArgs: [echo, hi]\n' +
		'- toNode: central\n  method: ping\n';
	const { status, body } = await post(yaml);
	assert.deepEqual([status, body.ids.length], [202, 2]);
});

test('work before limits: four megabytes of brackets are refused by their depth, before they are parsed', async (t) => {
	const { post } = await start(t);
	// Its end is no JSON, which only a parser would find out.
	const { status, body } = await post(`${'['.repeat(4_000_000)}}`);
	assert.deepEqual([status, body.error], [400, 'bad_message']);
	const yaml = await post('- '.repeat(2_000_000));
	assert.deepEqual([yaml.status, yaml.body.error], [413, 'too_large']);
});

test('?wait=1 answers with the outcome: output and exit code', async (t) => {
	const { post } = await start(t);
	const done = await post(JSON.stringify(exec('echo 42')), '?wait=1');
	assert.equal(done.status, 200);
	assert.deepEqual(
		done.body.messages.map(({ state, output }) => [state, output]),
		[['done', '42\n']],
	);
	const failed = await post(JSON.stringify(exec('exit 3')), '?wait=1');
	assert.deepEqual(
		failed.body.messages.map(({ state, exitCode }) => [state, exitCode]),
		[['failed', 3]],
	);
});

test('?wait=1 is over after its limit, with 202 and what is known by then', async (t) => {
	const { post } = await start(t);
	const { status, body } = await post(JSON.stringify(exec('sleep 5')), '?wait=1&timeout=0.2');
	assert.equal(status, 202);
	assert.equal(body.messages[0]?.settled, false);
	const event = { ...exec('true'), kind: 'CommandNACK' };
	assert.equal((await post(JSON.stringify(event), '?wait=1')).status, 202);
});

test('a wrong message is 400 with its code and what zod found in each field', async (t) => {
	const { post } = await start(t);
	const wrong = { toNode: 'central', method: 'ping', retries: 'many', ACKTimeout: -1 };
	const { status, body } = await post(JSON.stringify(wrong));
	assert.equal(status, 400);
	const [answer] = body.answers;
	assert.equal(answer?.error, 'bad_message');
	assert.deepEqual(
		answer.issues?.map(({ path }) => path),
		[['ACKTimeout'], ['retries']],
	);
	const unknown = await post('{"toNode":"central","metod":"ping"}');
	assert.match(unknown.body.answers[0]?.detail ?? '', /did you mean method\?/);
	const cut = await post('[{"toNode":');
	assert.deepEqual([cut.status, cut.body.error], [400, 'bad_json']);
	assert.deepEqual((await post('')).status, 400);
});

test('a good message beside a bad one is taken, and both are answered in their order', async (t) => {
	const { post } = await start(t);
	const { status, body } = await post(JSON.stringify([{ method: 'ping' }, exec('true')]));
	assert.equal(status, 202);
	assert.equal(body.ids.length, 1);
	assert.equal(body.answers[0]?.error, 'no_destination');
});

test('a body over the limit is 413 before it is read', async (t) => {
	const { post, url, node } = await start(t, { messageBytesMax: 1000 });
	const { status, body } = await post(JSON.stringify({ ...exec('true'), data: 'x'.repeat(2000) }));
	assert.deepEqual([status, body.error], [413, 'too_large']);
	const chunked = await new Promise<number>((resolve, reject) => {
		const sent = request(`${url}/messages`, { method: 'POST' }, ({ statusCode = 0 }) =>
			resolve(statusCode),
		);
		sent.on('error', reject);
		sent.write('x'.repeat(800));
		sent.write('x'.repeat(800));
		sent.end();
	});
	assert.equal(chunked, 413);
	assert.equal(node.signals.counts()['message.refused'], 2, 'both are counted and reported');
});

test('a client that sends a byte at a time is cut off when its time is over', async (t) => {
	const { url } = await start(t, { httpRequestTimeout: 1 });
	const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
	socket.on('error', () => {});
	let text = '';
	socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
	socket.write('POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"to');
	await new Promise((resolve) => socket.once('close', resolve));
	assert.match(text, /^HTTP\/1\.1 408/);
});

test('with a token, only health may be asked without it', async (t) => {
	const listenerTokenFile = join(temporaryFolder(t), 'token');
	writeFileSync(listenerTokenFile, 'a-token-of-enough-length');
	const { url, post } = await start(t, { listenerTokenFile, httpListener: '0.0.0.0:0' });
	const local = url.replace('0.0.0.0', '127.0.0.1');
	for (const path of ['/messages', '/metrics', '/events', '/api/tree', '/api/messages']) {
		const answer = await fetch(`${local}${path}`);
		assert.equal(answer.status, 401, path);
	}
	const wrong = await post(JSON.stringify(exec('true')), '', { authorization: 'Bearer wrong' });
	assert.equal(wrong.status, 401);
	assert.equal((await fetch(`${local}/healthz`)).status, 200);
	const authorization = 'Bearer a-token-of-enough-length';
	assert.equal((await post(JSON.stringify(exec('true')), '', { authorization })).status, 202);
});

test('what others can reach is refused without a token or client certificates', async () => {
	const config = configOf({ httpListener: ':0', listenerLogin: false });
	await assert.rejects(async () => http.check?.(config), { code: 'unguarded' });
	assert.equal(http.wanted(configOf()), false);
});

test('every answer tells browsers not to guess its type, lend it to other sites, or keep it', async (t) => {
	const listenerTokenFile = join(temporaryFolder(t), 'token');
	writeFileSync(listenerTokenFile, 'a-token-of-enough-length');
	const { url } = await start(t, { listenerTokenFile });
	const authorization = 'Bearer a-token-of-enough-length';
	const wanted = ['/healthz', '/api/tree', '/nothing', '/events', '/metrics', '/api/nodes'];
	for (const [path, sent] of wanted.flatMap((each) => [
		[each, {}] as const,
		[each, { authorization }] as const,
	])) {
		const { headers, body } = await fetch(`${url}${path}`, { headers: sent });
		await body?.cancel();
		const said = ['x-content-type-options', 'cross-origin-resource-policy', 'cache-control'].map(
			(name) => headers.get(name),
		);
		assert.deepEqual(said, ['nosniff', 'same-origin', 'no-store'], path);
	}
});

test('a page of the same site but another origin may be a link to an answer, and nothing else', async (t) => {
	const { url } = await start(t);
	const status = (mode: string, more: Record<string, string> = {}) => {
		const { port } = new URL(url);
		const headers = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': mode, ...more };
		return new Promise<number | undefined>((resolve) => {
			request({ port, path: '/healthz', headers }, ({ statusCode }) => resolve(statusCode)).end();
		});
	};
	assert.equal(await status('navigate'), 200);
	assert.equal(await status('navigate', { 'sec-fetch-dest': 'iframe' }), 401);
	assert.equal(await status('no-cors'), 401);
	assert.equal(await status('cors'), 401);
});

test('pages of other origins, and names that are not of this machine, are refused', async (t) => {
	const { url, post } = await start(t);
	const text = JSON.stringify(exec('true'));
	for (const origin of ['https://evil.example', 'null']) {
		assert.equal((await post(text, '', { origin })).status, 401);
	}
	assert.equal((await post(text, '', { origin: url })).status, 202);
	// A form, a picture or a link of another site has no Origin header.
	for (const mode of ['navigate', 'no-cors', 'cors']) {
		const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode };
		const status = await new Promise((resolve) => {
			request(`${url}/api/tree`, { headers }, ({ statusCode }) => resolve(statusCode)).end();
		});
		assert.equal(status, 401, mode);
	}
	const rebound = await new Promise<number>((resolve) => {
		const headers = { host: 'evil.example' };
		request(`${url}/api/tree`, { headers }, ({ statusCode = 0 }) => resolve(statusCode)).end();
	});
	assert.equal(rebound, 401);
});

test(
	'over TLS a client certificate lets in from anywhere',
	{ skip: missing('openssl') },
	async (t) => {
		const { server, root, asClient } = createCertificates(t);
		const { url } = await start(t, {
			httpListener: '0.0.0.0:0',
			listenerTlsCert: server.cert,
			listenerTlsKey: server.key,
			listenerTlsClientCA: root,
		});
		const { port, protocol } = new URL(url);
		assert.equal(protocol, 'https:');
		const status = (options: object) =>
			new Promise<number | string>((resolve) => {
				const at = { host: '127.0.0.1', port, path: '/api/tree', ...options };
				requestTls(at, ({ statusCode = 0 }) => resolve(statusCode))
					.on('error', ({ message }) => resolve(message))
					.end();
			});
		assert.equal(await status(asClient), 200);
		assert.notEqual(await status({ ca: asClient.ca }), 200);
	},
);

test('health tells whether messages are taken, and is 503 in safe mode', async (t) => {
	const { url } = await start(t);
	const healthy = await fetch(`${url}/healthz`);
	assert.deepEqual(
		[healthy.status, await healthy.json()],
		[200, { live: true, ready: true, phase: 'open', mode: 'normal', journal: 'healthy' }],
	);
	const safe = await start(t, { nodeName: 'ship1' }, { choices: { mode: 'safe' } });
	const answer = await fetch(`${safe.url}/healthz`);
	assert.equal(answer.status, 503);
	assert.deepEqual(await answer.json(), {
		live: true,
		ready: false,
		phase: 'open',
		mode: 'safe',
		journal: 'healthy',
	});
	assert.equal((await fetch(`${safe.url}/livez`)).status, 200);
	assert.equal((await safe.post(JSON.stringify({ toNode: 'ship1', method: 'ping' }))).status, 503);
});

test('the tree and the lists are what the socket tells, too', async (t) => {
	const { url, post } = await start(t);
	await post(JSON.stringify([exec('true'), exec('true')]), '?wait=1');
	const get = async (path: string) => (await fetch(`${url}${path}`)).json();
	assert.equal(((await get('/api/tree')) as { id: string }).id, 'node');
	assert.equal(((await get('/api/messages')) as object[]).length, 2);
	assert.equal(((await get('/api/messages?limit=1')) as object[]).length, 1);
	assert.ok(((await get('/api/methods')) as object[]).length > 5);
	assert.equal((await fetch(`${url}/api/messages?limit=x`)).status, 400);
	assert.equal((await fetch(`${url}/api/messages/nothing`)).status, 404);
	assert.equal((await fetch(`${url}/nowhere`)).status, 404);
});

test('metrics count what was sent over HTTP, under our names and steward’s', async (t) => {
	const { url, post } = await start(t);
	await post(JSON.stringify(exec('true')), '?wait=1');
	const text = await (await fetch(`${url}/metrics`)).text();
	assert.match(text, /^reeve_messages_accepted_total\{.*transport="HTTPListener".*\} 1$/m);
	assert.match(text, /^steward_user_messages_total 1$/m);
	assert.match(text, /^reeve_call_duration_seconds_count\{.*REQCliCommand.*\} 1$/m);
	assert.match(text, /^reeve_journal_commit_seconds_count [1-9]/m);
	assert.match(text, /^steward_processes_all_running\{processName="REQPing.subscriber"\} 1$/m);
});

test('a stop ends waiting clients and streams, and leaves nothing behind', async (t) => {
	const { url, post, node } = await start(t);
	const stream = await fetch(`${url}/events`);
	const reader = stream.body?.getReader();
	await reader?.read();
	const waiting = post(JSON.stringify(exec('sleep 9')), '?wait=1').catch(() => 'cut');
	while (!node.signals.counts()['call.started']) await new Promise((next) => setImmediate(next));
	await node.stop();
	assert.equal(await waiting, 'cut');
	await assert.rejects(async () => {
		while (!(await reader?.read())?.done);
		throw new Error('ended');
	});
	await assert.rejects(fetch(url));
});
