import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import exposedFolder from '../../../transports/http/exposed-folder.ts';
import http from '../../../transports/http/http.ts';
import profiling from '../../../transports/http/profiling.ts';
import { readGuard } from '../../../transports/sockets/listen-address.ts';
import tcp from '../../../transports/sockets/tcp.ts';
import { missing, freePort } from '../../support/broker.ts';
import { createCertificates } from '../../support/certificates.ts';
import { startListeningNode } from '../../support/local-nodes.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const loopback = { isLoopback: true };

/** A node with every listener on the loopback interface, as it is without a word about a token. */
async function start(t: TestScope) {
	const at = '127.0.0.1:0';
	const profilingPort = String(await freePort());
	const values = { httpListener: at, tcpListener: at, exposeDataFolder: at, profilingPort };
	const transports = [http, tcp, exposedFolder, profiling];
	const started = await startListeningNode(t, transports, { ...values, listenerLogin: true });
	const tokenFile = join(started.folder, 'db', 'listener.token');
	return { ...started, tokenFile, token: readFileSync(tokenFile, 'utf8').trim() };
}

test('a user of the machine is no one of the node: a listener on the loopback interface wants a token', async (t) => {
	const { address, token, tokenFile, folder } = await start(t);
	assert.match(token, /^[\w-]{43}$/);
	assert.equal(statSync(tokenFile).mode & 0o777, 0o600);
	writeFileSync(join(folder, 'data', 'file'), 'text');
	const asked: readonly [string, string, number][] = [
		['http', '/api/messages', 401],
		['http', '/api/tree', 401],
		['http', '/events', 401],
		['http', '/metrics', 401],
		['http', '/livez', 200],
		['http', '/healthz', 200],
		['exposed-folder', '/file', 401],
		['profiling', '/profile?seconds=1', 401],
	];
	for (const [transport, path, status] of asked) {
		const url = `${address(transport)}${path}`;
		assert.equal((await fetch(url)).status, status, url);
		if (transport === 'profiling') continue;
		const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
		await answer.body?.cancel();
		assert.equal(answer.status, 200, url);
	}
	const body = '{"toNode":"central","method":"ping"}';
	const handIn = (headers: Record<string, string>) =>
		fetch(`${address('http')}/messages`, { method: 'POST', body, headers });
	assert.equal((await handIn({})).status, 401);
	assert.equal((await handIn({ authorization: `Bearer ${token}` })).status, 202);
});

test('a user of the machine is no one of the node: nor is a client of TCP without the token', async (t) => {
	const { address, token } = await start(t);
	const say = (line: string): Promise<string> => {
		const [host = '', port] = address('tcp').split(':');
		const socket = createConnection(Number(port), host);
		socket.end(`${line}\n`);
		return text(socket);
	};
	assert.match(await say('{"reeve":"nodes"}'), /"unauthorized"/);
	assert.match(await say(`{"token":"${token}"}\n{"reeve":"node"}`), /"row"/);
});

test('what a node fetches for a message is not what it tells its people', async (t) => {
	const { node, address } = await start(t);
	const method = 'REQHttpGet';
	const methodArgs = [`${address('http')}/api/messages`];
	const [answer] = await node.api.accept({ toNode: 'central', method, methodArgs }, 'spec');
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	let last: unknown;
	const question = { reeve: 'watch', ids: [answer.id] };
	for await (const row of node.api.ask(question, AbortSignal.any([]))) last = row;
	assert.match(JSON.stringify(last), /401/);
	assert.doesNotMatch(JSON.stringify(last), /methodArgs/);
});

test('the token is made once, and stays; none that others may read or that is too short is used', async (t) => {
	const keysFolder = join(temporaryFolder(t), 'keys');
	const config = configOf({ keysFolder });
	const { token } = await readGuard('httpListener', loopback, config);
	const path = join(keysFolder, 'listener.token');
	assert.equal(readFileSync(path, 'utf8').trim(), token);
	assert.deepEqual(await readGuard('tcpListener', { isLoopback: false }, config), {
		token,
		tls: undefined,
	});
	chmodSync(path, 0o640);
	const refused = { code: 'bad_config', detail: /listener\.token/ };
	await assert.rejects(readGuard('httpListener', loopback, config), refused);
	chmodSync(path, 0o600);
	writeFileSync(path, 'short\n');
	await assert.rejects(readGuard('httpListener', loopback, config), refused);
});

test(
	'no token is made where one is named, where clients have certificates, or where none is wanted',
	{ skip: missing('openssl') },
	async (t) => {
		const keysFolder = join(temporaryFolder(t), 'keys');
		const named = join(temporaryFolder(t), 'token');
		writeFileSync(named, 'a-token-of-enough-length');
		const { server, root } = createCertificates(t);
		const tls = { listenerTlsCert: server.cert, listenerTlsKey: server.key };
		const tokenOf = async (values: Parameters<typeof configOf>[0], at = loopback) =>
			(await readGuard('httpListener', at, configOf({ keysFolder, ...values }))).token;
		assert.equal(await tokenOf({ listenerTokenFile: named }), 'a-token-of-enough-length');
		assert.equal(await tokenOf({ ...tls, listenerTlsClientCA: root }), undefined);
		assert.equal(await tokenOf({ listenerLogin: false }), undefined);
		const unguarded = { code: 'unguarded' };
		await assert.rejects(tokenOf({ listenerLogin: false }, { isLoopback: false }), unguarded);
		assert.equal(existsSync(keysFolder), false);
		// The certificate of the server says nothing of its clients.
		assert.match((await tokenOf(tls)) ?? '', /^[\w-]{43}$/);
	},
);
