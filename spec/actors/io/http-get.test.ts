import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
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
