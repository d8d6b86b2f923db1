import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { realClock } from '../../../runtime/platform/clock.ts';
import { createMethodRunner } from '../../support/method-call.ts';

// In a file of its own: `fetch` takes its timers when it is called for the first time.

/** Replaces the timers of this process; `pass` lets time go by. */
function fakeTimers(t: TestContext) {
	const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
	t.after(() => void Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear }));
	const waiting = new Map<object, { at: number; run: () => void }>();
	let now = 0;
	const set = (run: () => void, ms = 0) => {
		const at = () => ({ at: now + ms, run });
		const timer = {
			unref: () => timer,
			ref: () => timer,
			refresh: () => again(),
			hasRef: () => true,
		};
		const again = () => {
			waiting.set(timer, at());
			return timer;
		};
		return again();
	};
	const clear = (timer: object) => void waiting.delete(timer);
	Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
	return async (ms: number) => {
		for (const end = now + ms; now < end; now += 500) {
			for (const [timer, { at, run }] of waiting) {
				if (at > now || !waiting.delete(timer)) continue;
				run();
			}
			await new Promise((resolve) => setImmediate(resolve));
		}
	};
}

test("a browser's rules: a page may take longer than 300 s", { timeout: 30_000 }, async (t) => {
	const server = createServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	const asked = once(server, 'request');
	const pass = fakeTimers(t);
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
	const page = createMethodRunner(t).run('REQHttpGet', { methodArgs: [url] }, { clock: realClock });
	page.catch(() => {});
	const [, response] = (await asked) as Parameters<RequestListener>;
	await pass(400_000);
	response.write('be');
	await pass(400_000);
	response.end('gin');
	assert.deepEqual(await page, { data: 'begin' });
});
