import assert from 'node:assert/strict';
import test from 'node:test';
import { exitText, type ExitReason } from '../../../supervisors/otp/exit-reason.ts';
import { serviceChild, type ServiceContext } from '../../../supervisors/otp/service-child.ts';
import { startSupervisor } from '../../../supervisors/otp/supervisor.ts';
import { abnormal, childOf, fate, rowOf, createSupervision } from '../../support/supervised.ts';

test('a service is started, and stopped with its own method or with the one that is given', async (t) => {
	const words: string[] = [];
	const own = serviceChild({
		start: () => ({ stop: (reason: ExitReason) => void words.push(`own ${exitText(reason)}`) }),
	});
	const given = serviceChild({
		start: async () => 7,
		stop: async (running, reason) => void words.push(`${running} ${exitText(reason)}`),
	});
	const none = serviceChild({ start: () => undefined });
	const top = await createSupervision(t).start({
		children: [
			{ id: 'own', start: own },
			{ id: 'given', start: given },
			{ id: 'none', start: none },
		],
	});
	const children = await Promise.all(['own', 'given', 'none'].map((id) => childOf(top, id)));
	await top.stop();
	assert.deepEqual(words, ['7 shutdown', 'own shutdown']);
	assert.deepEqual(children.map(fate), ['shutdown', 'shutdown', 'shutdown']);
});

test('a service that cannot be started is a failed start, be it at once or later', async (t) => {
	const { clock } = createSupervision(t);
	for (const start of [
		() => {
			throw abnormal;
		},
		() => Promise.reject(abnormal),
	]) {
		const spec = { id: 'ch', start: serviceChild({ start }) };
		const top = { name: 'top', strategy: 'one_for_one', children: [spec] } as const;
		await assert.rejects(startSupervisor(top, { clock }), { cause: abnormal });
	}
});

test('a service that ends by itself is restarted by its type, with the next incarnation', async (t) => {
	const supervision = createSupervision(t);
	const starts: ServiceContext[] = [];
	const start = serviceChild({ start: (context) => void starts.push(context) });
	const top = await supervision.run(
		'one_for_one',
		[
			{ id: 'db', start },
			{ id: 'job', start, restart: 'transient' },
		],
		{ intensity: 5 },
	);
	starts[0]?.exit(abnormal);
	starts[1]?.exit('normal');
	await supervision.clock.settle();
	assert.equal((await rowOf(top, 'db')).restarts, 1);
	assert.equal((await rowOf(top, 'job')).state, 'stopped');
	assert.deepEqual(
		starts.map(({ id, incarnation, ancestors }) => [id, incarnation, ...ancestors]),
		[
			['db', 1, 'top'],
			['job', 1, 'top'],
			['db', 2, 'top'],
		],
	);
});

test('a service that fails while it stops exits with that error, and the stop goes on', async (t) => {
	const supervision = createSupervision(t);
	const start = serviceChild({
		start: () => 1,
		stop: () => {
			throw abnormal;
		},
	});
	const top = await supervision.start({ children: [{ id: 'ch', start }] });
	const child = await childOf(top, 'ch');
	assert.equal(await top.stop(), 'shutdown');
	assert.equal(child.exitReason, abnormal);
	assert.equal(supervision.seen('supervisor.report').at(-1)?.report, 'shutdown_error');
});

test('the signal of a killed service is aborted, also while it starts, and it is stopped if it starts late', async (t) => {
	const { clock } = createSupervision(t);
	const words: string[] = [];
	let up = (): void => {};
	const start = serviceChild({
		start({ signal }) {
			signal.addEventListener('abort', () => void words.push('heard'));
			return new Promise<string>((resolve) => void (up = () => resolve('late')));
		},
		stop: (running) => void words.push(`${running} stopped`),
	});
	const controller = new AbortController();
	const top = { name: 'top', strategy: 'one_for_one', children: [{ id: 'ch', start }] } as const;
	const started = startSupervisor(top, { clock, signal: controller.signal });
	const failed = assert.rejects(started, /killed/);
	await clock.settle();
	controller.abort();
	await failed;
	assert.deepEqual(words, ['heard']);
	up();
	await clock.settle();
	assert.deepEqual(words, ['heard', 'late stopped']);
});
