import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { createActor } from 'xstate';
import { callLogic, type CallEnd } from '../../../actors/inbound/call.ts';
import { pause, realClock } from '../../../runtime/platform/clock.ts';
import type { MethodContext, MethodDefinition } from '../../../runtime/method/method.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import {
	createRegistry,
	loadMethods,
	type MethodRegistry,
} from '../../../runtime/method/method-registry.ts';
import { median } from '../../bench/figure.ts';
import { messageOf } from '../../support/messages.ts';
import { createMethodRunner, methodOf, type MethodRunner } from '../../support/method-call.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

const bounded = { timeout: 60_000 };
const errorsUrl = pathToFileURL(
	join(import.meta.dirname, '../../../runtime/platform/errors.ts'),
).href;

/** Declares an isolated method in a file of its own, whose body is the text of a function. */
async function declare(t: TestScope, body: string, ending = 'ts'): Promise<MethodRegistry> {
	const folder = join(temporaryFolder(t), 'methods');
	mkdirSync(folder);
	writeFileSync(join(folder, '..', 'package.json'), '{ "type": "module" }');
	const text = `
		${ending === 'ts' ? `import { ReeveError } from '${errorsUrl}';` : ''}
		export default {
			name: 'REQOdd', aliases: ['odd'], summary: 'Be odd', kind: 'EventACK', isolate: 'worker',
			ordering: 'concurrent', onCrash: 'report', replies: true, example: {},
			args: { safeParse: (data) => ({ success: true, data }) },
			async run(message, context) { ${body} },
		};`;
	writeFileSync(join(folder, `odd.${ending}`), text);
	return loadMethods([folder]);
}

/** A call of a method under way. */
function callOf(t: TestScope, definition: MethodDefinition, more: Partial<MethodContext> = {}) {
	return callOn(createMethodRunner(t), definition, more);
}

function callOn(
	runner: MethodRunner,
	definition: MethodDefinition,
	more: Partial<MethodContext> = {},
) {
	const message = messageOf({ method: definition.name, methodArgs: ['a', 'b'] });
	const { signal: _signal, ...context } = runner.context({ clock: realClock, ...more });
	const actor = createActor(callLogic, {
		input: { definition, message, context, clock: realClock },
	});
	const ended = new Promise<CallEnd | undefined>((resolve, reject) => {
		actor.subscribe({
			complete: () => resolve(actor.getSnapshot().output),
			error: reject,
		});
	});
	actor.start();
	return { actor, ended };
}

async function run(t: TestScope, body: string, more: Partial<MethodContext> = {}) {
	const methods = await declare(t, body);
	return callOf(t, methods.find('odd')!, more).ended;
}

test(
	'an isolated method gets its message and context, and its output comes back',
	bounded,
	async (t) => {
		const replies: unknown[] = [];
		const printed: string[] = [];
		const body = `
		const { isMainThread } = await import('node:worker_threads');
		void context.reply('half');
		context.print('on its way');
		const path = await context.dataFile('logs', 'a.txt');
		const { node, attempt, timeoutMs, storeId } = context;
		const now = context.clock.now();
		const args = message.methodArgs;
		const fact = { isMainThread, path, node, attempt, timeoutMs, storeId, args };
		return { data: JSON.stringify(fact), exitCode: 3, stderr: String(now > 0) };`;
		const end = await run(t, body, {
			async reply(data) {
				await Promise.resolve(replies.push(data));
			},
			print: (text) => Promise.resolve(void printed.push(text)),
			dataFile: async (...parts) => `/data/${parts.join('/')}`,
		});
		assert.deepEqual(end?.result, { outcome: 'done' });
		assert.deepEqual(JSON.parse(String(end?.output?.data)), {
			isMainThread: false,
			path: '/data/logs/a.txt',
			node: 'ship1',
			attempt: 1,
			timeoutMs: 10_000,
			storeId: 'store1',
			args: ['a', 'b'],
		});
		assert.deepEqual([end?.output?.exitCode, end?.output?.stderr], [3, 'true']);
		assert.deepEqual([replies, printed], [['half'], ['on its way']]);
	},
);

test(
	'bytes and plain JavaScript files work too, and no output at all is done',
	bounded,
	async (t) => {
		const bytes = await declare(t, 'return { data: new Uint8Array([1, 2, 3]) };', 'mjs');
		const end = await callOf(t, bytes.find('odd')!).ended;
		assert.deepEqual(Buffer.from(end?.output?.data ?? ''), Buffer.from([1, 2, 3]));
		const nothing = await run(t, '');
		assert.deepEqual(nothing, { result: { outcome: 'done' }, output: {} });
	},
);

test(
	'an operational error is the outcome; any other is a crash with the stack of the thread',
	bounded,
	async (t) => {
		const failed = await run(t, "throw new ReeveError('file_failed', 'no disk');");
		assert.deepEqual(failed?.result, { outcome: 'failed', code: 'file_failed', detail: 'no disk' });
		const outside = await run(t, "await context.dataFile('..', 'x');");
		assert.equal(outside?.result.code, 'path_outside');
		await assert.rejects(run(t, "throw new TypeError('odd');"), (thrown: Error) => {
			assert.match(thrown.message, /^odd$/);
			assert.match(thrown.stack ?? '', /odd\.ts/);
			return true;
		});
	},
);

test('a thread that ends itself, or is lost to a stray error, is a crash', bounded, async (t) => {
	await assert.rejects(
		run(t, "setTimeout(() => { throw new Error('stray'); }); await new Promise(() => {});"),
		{
			message: 'stray',
		},
	);
	await assert.rejects(run(t, 'return { data: () => {} };'), /could not be cloned/);
	const gone = await run(t, 'process.exit(1);');
	assert.equal(gone?.result.code, 'killed');
});

test(
	'an endless loop is ended at its time, and calls in the node go on meanwhile',
	bounded,
	async (t) => {
		const methods = await declare(t, "context.print('spinning'); while (true) {}");
		const ping = async () => {
			const since = realClock.monotonic();
			await callOf(t, methodOf('ping')).ended;
			return realClock.monotonic() - since;
		};
		for (let time = 0; time < 20; time += 1) await ping();
		const before: number[] = [];
		for (let time = 0; time < 50; time += 1) before.push(await ping());

		// The time includes the start of the thread, which takes long on a busy machine.
		const timeoutMs = 5000;
		const { promise: beginning, resolve: begun } = deferred();
		const startedAt = realClock.monotonic();
		const call = callOf(t, methods.find('odd')!, {
			timeoutMs,
			print: () => Promise.resolve(begun()),
		});
		let isOver = false;
		const ended = call.ended.finally(() => (isOver = true));
		await Promise.race([beginning, ended]);
		const meanwhile: number[] = [];
		while (!isOver) {
			meanwhile.push(await ping());
			await Promise.race([pause(realClock, 5), ended]);
		}
		const tookMs = realClock.monotonic() - startedAt;
		assert.equal((await ended)?.result.code, 'timed_out');
		assert.ok(tookMs >= timeoutMs - 100 && tookMs < 2 * timeoutMs, `it took ${tookMs} ms`);
		assert.ok(meanwhile.length > 20, `${meanwhile.length} pings`);
		const ratio = median(meanwhile) / Math.max(median(before), 0.2);
		assert.ok(ratio < 10, `pings took ${ratio} times as long`);
		assert.ok(median(meanwhile) < 50, `a ping took ${median(meanwhile)} ms`);
	},
);

test(
	'a method that listens to its signal may still return what it had done',
	bounded,
	async (t) => {
		const body = `await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
		return { data: 'half' };`;
		const end = await run(t, body, { timeoutMs: 1500 });
		assert.equal(end?.result.code, 'timed_out');
		assert.equal(end?.output?.data, 'half');
	},
);

test(
	'what the console did not take fails an isolated method that waits for it',
	bounded,
	async (t) => {
		const print = () => Promise.reject(new ReeveError('file_failed', 'standard output: ENOSPC'));
		const failed = await run(t, "await context.print('x');", { print });
		assert.deepEqual(failed?.result.code, 'file_failed');
		const careless = await run(t, "void context.print('x');", { print });
		assert.equal(careless?.result.outcome, 'done');
	},
);

test('a stopped call ends its thread, which has no effect any more', bounded, async (t) => {
	const heard: string[] = [];
	const { promise: beginning, resolve: begun } = deferred();
	const methods = await declare(t, "for (;;) { context.print('x'); await null; }");
	const { actor } = callOf(t, methods.find('odd')!, {
		print(text) {
			heard.push(text);
			begun();
			return Promise.resolve();
		},
	});
	await beginning;
	actor.stop();
	const count = heard.length;
	// Another whole thread lives and ends meanwhile.
	await run(t, '');
	assert.equal(heard.length, count);
});

test('a method that has no file cannot be isolated, and says so', bounded, async (t) => {
	const definition = { ...methodOf('ping'), isolate: 'worker' } as const;
	const methods = createRegistry([{ source: 'here', definition }]);
	const { ended } = callOf(t, methods.find('ping')!);
	assert.equal((await ended)?.result.code, 'bad_declaration');
});

test('a declaration of isolation by anything but a worker is refused', bounded, async (t) => {
	const folder = temporaryFolder(t);
	const text = "export default { name: 'REQOdd', aliases: [], isolate: 'process' };";
	writeFileSync(join(folder, 'odd.mjs'), text);
	await assert.rejects(loadMethods([folder]), (thrown: Error) => {
		assert.match(thrown.message, /odd\.mjs: .*isolate/);
		return true;
	});
});
