import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { requestPage } from '../../../actors/io/http-client.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { leavesNothingOpen } from '../../support/handles.ts';
import { createMethodRunner, methodOf } from '../../support/method-call.ts';

const bounded = { timeout: 30_000 };

/** A web server that answers as told; its address. */
async function serve(t: TestContext, listener: RequestListener): Promise<string> {
	const server = createServer(listener);
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const fetchWith = (t: TestContext, url: string, more: object = {}) =>
	createMethodRunner(t).run('REQHttpGet', { methodArgs: [url] }, { clock: realClock, ...more });

test('the body of a page comes back as text, or as bytes if it is none', bounded, async (t) => {
	const url = await serve(t, ({ url: path }, response) => {
		response.end(path === '/bytes' ? Buffer.from([255, 0, 1]) : 'päge');
	});
	await leavesNothingOpen(async () => {
		assert.deepEqual(await fetchWith(t, url), { data: 'päge' });
		assert.deepEqual((await fetchWith(t, `${url}bytes`))?.data, Buffer.from([255, 0, 1]));
	});
});

test('a redirect is followed', bounded, async (t) => {
	const url = await serve(t, ({ url: path }, response) => {
		if (path === '/there') response.end('there');
		else response.writeHead(302, { location: '/there' }).end();
	});
	assert.deepEqual(await fetchWith(t, url), { data: 'there' });
});

test(
	'a secret in the wrong hands: a redirect elsewhere carries no header of its own',
	bounded,
	async (t) => {
		const seen: IncomingHttpHeaders[] = [];
		const other = await serve(t, ({ headers }, response) => {
			seen.push(headers);
			response.end('end');
		});
		const url = await serve(t, ({ url: path, headers }, response) => {
			seen.push(headers);
			response.writeHead(307, { location: path === '/' ? '/again' : other }).end();
		});
		const secrets = {
			authorization: 'a',
			cookie: 'b',
			'proxy-authorization': 'c',
			'X-Api-Key': 'd',
		};
		const plain = { accept: 'text/plain', 'content-type': 'text/plain', 'idempotency-key': 'e' };
		const { signal } = new AbortController();
		const headers = { ...secrets, ...plain };
		const asked = { url, method: 'POST', data: 'x', headers, signal, redirectsMax: 2 };
		const response = await requestPage(asked);
		response.close();
		const [first, same, elsewhere] = seen;
		for (const name of Object.keys(secrets).map((each) => each.toLowerCase())) {
			assert.ok(first?.[name] && same?.[name], `${name} at its own origin`);
			assert.equal(elsewhere?.[name], undefined, name);
		}
		for (const [name, held] of Object.entries(plain)) assert.equal(elsewhere?.[name], held);
	},
);

for (const status of [204, 404, 500]) {
	test(`status ${status} is a failure that tells it`, bounded, async (t) => {
		const url = await serve(t, (_request, response) => response.writeHead(status).end());
		await leavesNothingOpen(async () => {
			const failure = { code: 'http_failed', detail: new RegExp(`^${status} `) };
			await assert.rejects(fetchWith(t, url), failure);
		});
	});
}

test('a page without end is cut at the limit, and the connection is closed', bounded, async (t) => {
	let isClosed: Promise<unknown> = Promise.resolve();
	const url = await serve(t, (_request, response) => {
		isClosed = once(response, 'close');
		const write = () => {
			while (response.write('x'.repeat(1000)));
			response.once('drain', write);
		};
		write();
	});
	await leavesNothingOpen(async () => {
		const output = await fetchWith(t, url, { outputBytesMax: 5000 });
		const code = { code: 'output_too_large', detail: 'more than 5000 bytes' };
		assert.deepEqual(output, { data: 'x'.repeat(5000), ...code });
		await isClosed;
	});
});

test('a page that does not end in time comes back as far as it came', bounded, async (t) => {
	const controller = new AbortController();
	const url = await serve(t, (_request, response) => {
		response.write('begin', () => controller.abort(new ReeveError('timed_out')));
	});
	await leavesNothingOpen(async () => {
		const output = await fetchWith(t, url, { signal: controller.signal });
		assert.equal(output?.code, 'timed_out');
	});
});

test('a fetch that is cancelled has no outcome of its own', bounded, async (t) => {
	const controller = new AbortController();
	const url = await serve(t, () => controller.abort(new ReeveError('cancelled')));
	const fetching = fetchWith(t, url, { signal: controller.signal });
	await assert.rejects(fetching, { code: 'cancelled' });
});

test('a host that is not there is a failure, not a crash', bounded, async (t) => {
	const server = createSocketServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = server.address() as AddressInfo;
	await once(server.close(), 'close');
	const gone = { code: 'host_unreachable', detail: /ECONNREFUSED/ };
	await assert.rejects(fetchWith(t, `http://127.0.0.1:${port}/`), gone);
	await assert.rejects(fetchWith(t, 'http://no-such-host.invalid/'), { code: 'host_unreachable' });
});

test('only one address is taken, and only of the web', () => {
	const { args } = methodOf('REQHttpGet');
	for (const wrong of [[], ['http://a', 'http://b'], ['file:///etc/passwd'], ['nonsense']]) {
		assert.ok(!args.safeParse(wrong).success, JSON.stringify(wrong));
	}
});

test('a scheduled fetch takes an address, seconds and minutes, and makes a schedule of them', () => {
	const { args, scheduleOf } = methodOf('REQHttpGetScheduled');
	const url = 'http://127.0.0.1/';
	for (const wrong of [
		[],
		[url],
		[url, '0', '1'],
		[url, '1', 'x'],
		[url, '1.5', '1'],
		['x', '1', '1'],
	]) {
		assert.ok(!args.safeParse(wrong).success, JSON.stringify(wrong));
	}
	const message = { methodArgs: [url, '30', '2'] } as unknown;
	assert.ok(args.safeParse([url, '30', '2']).success);
	assert.deepEqual(scheduleOf?.(message as never), { every: 30, total: 120 });
});

test("a browser's rules: pages on ports that browsers refuse are fetched", bounded, async (t) => {
	// 6667 is another program's here? Then one of the others is free.
	for (const port of [6667, 10080, 6000, 2049, 6697]) {
		const server = createServer((_request, response) => response.end('here'));
		const isFree = await Promise.race([
			once(server.listen(port, '127.0.0.1'), 'listening').then(() => true),
			once(server, 'error').then(() => false),
		]).catch(() => false);
		if (!isFree) continue;
		t.after(() => server.close());
		assert.deepEqual(await fetchWith(t, `http://127.0.0.1:${port}/`), { data: 'here' });
		return;
	}
	assert.fail('none of these ports is free');
});

test(
	"a browser's rules: the user in an address is sent, and told to no one else",
	bounded,
	async (t) => {
		const seen = (request: { headers: object }) =>
			String(Reflect.get(request.headers, 'authorization'));
		const other = await serve(t, (request, response) => response.end(seen(request)));
		const url = await serve(t, (request, response) => {
			if (request.url === '/out') response.writeHead(302, { location: other }).end();
			else if (request.url === '/in') response.writeHead(302, { location: '/there' }).end();
			else if (request.url === '/bad') response.writeHead(500).end();
			else response.end(seen(request));
		});
		const known = url.replace('//', '//ann:secret@');
		const sent = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
		assert.deepEqual(await fetchWith(t, known), { data: sent });
		assert.deepEqual(await fetchWith(t, `${known}in`), { data: sent });
		assert.deepEqual(await fetchWith(t, `${known}out`), { data: 'undefined' });
		await assert.rejects(fetchWith(t, 'http://ann:secret@no-such-host.invalid/'), (thrown) => {
			assert.doesNotMatch(String(thrown), /secret/);
			return true;
		});
	},
);

test('redirects without end, and out of the web, are failures that say so', bounded, async (t) => {
	const url = await serve(t, (request, response) => {
		const location = request.url === '/file' ? 'file:///etc/passwd' : `${request.url}x`;
		response.writeHead(307, { location }).end('on');
	});
	await leavesNothingOpen(async () => {
		const endless = { code: 'http_failed', detail: /more than 20 redirects \(redirectsMax\)/ };
		await assert.rejects(fetchWith(t, `${url}a`), endless);
		const out = { code: 'http_failed', detail: /^307 redirects to file:/ };
		await assert.rejects(fetchWith(t, `${url}file`), out);
	});
});

test('compressed pages are decompressed, and cut by what they hold', bounded, async (t) => {
	const packed: Record<string, Buffer> = {
		gzip: gzipSync('päge'),
		deflate: deflateSync('päge'),
		'deflate,': deflateRawSync('päge'),
		br: brotliCompressSync('päge'),
		'gzip, br': brotliCompressSync(gzipSync('päge')),
		'x-other': Buffer.from('päge'),
	};
	const url = await serve(t, ({ url: path = '' }, response) => {
		const name = decodeURIComponent(path.slice(1));
		if (name === 'empty') response.writeHead(200, { 'content-encoding': 'gzip' }).end();
		else if (name === 'torn') {
			const half = gzipSync('x'.repeat(100)).subarray(0, 20);
			response.writeHead(200, { 'content-encoding': 'gzip' }).end(half);
		} else if (name === 'bomb') {
			response.writeHead(200, { 'content-encoding': 'gzip' });
			// It never ends: what has come must be handed on.
			response.write(gzipSync('x'.repeat(1_000_000)));
		} else response.writeHead(200, { 'content-encoding': name }).end(packed[name]);
	});
	await leavesNothingOpen(async () => {
		for (const name of Object.keys(packed)) {
			assert.deepEqual(await fetchWith(t, url + encodeURIComponent(name)), { data: 'päge' }, name);
		}
		assert.deepEqual(await fetchWith(t, `${url}empty`), { data: '' });
		const torn = { code: 'host_unreachable', detail: /unexpected end of file/ };
		await assert.rejects(fetchWith(t, `${url}torn`), torn);
		const bomb = await fetchWith(t, `${url}bomb`, { outputBytesMax: 10 });
		assert.equal(bomb?.data, 'x'.repeat(10));
		assert.equal(bomb?.code, 'output_too_large');
	});
});

test('a page in the address itself is fetched', bounded, async (t) => {
	assert.deepEqual(await fetchWith(t, 'data:text/plain;base64,aGVsbG8='), { data: 'hello' });
	await assert.rejects(fetchWith(t, 'data:x'), { code: 'bad_arguments' });
});

test('a failure of TLS names its reason', bounded, async (t) => {
	const url = await serve(t, (_request, response) => response.end());
	const failure = { code: 'host_unreachable', detail: /^https:\S+: TLS: wrong version number$/ };
	await assert.rejects(fetchWith(t, url.replace('http:', 'https:')), failure);
});
