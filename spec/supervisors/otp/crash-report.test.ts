import assert from 'node:assert/strict';
import test from 'node:test';
import { fromTransition } from 'xstate';
import { actorChild, actorOf } from '../../../supervisors/otp/actor-child.ts';
import {
	crashReport,
	oneLine,
	print,
	redactText,
	strayReport,
} from '../../../supervisors/otp/crash-report.ts';
import { supervisorChild } from '../../../supervisors/otp/supervisor.ts';
import { childOf, createSupervision, supervisorOf, worker } from '../../support/supervised.ts';

test('a crash report has the fields of OTP: actor, ancestors, reason, state and neighbours', async (t) => {
	const supervision = createSupervision(t);
	const logic = fromTransition(
		(
			state: { readonly jobs: number },
			event: { readonly type: string; readonly token?: string },
		) => {
			if (event.type === 'BAD') throw new Error('bad event, token=abc123');
			return { jobs: state.jobs + 1 };
		},
		{ jobs: 0 },
	);
	const start = actorChild({ logic, describe: () => ({ mailboxLength: 7, initialCall: 'pump' }) });
	const inner = { name: 'inner', strategy: 'one_for_one', intensity: 9 } as const;
	const children = [worker('beside'), { id: 'pump', start }];
	const top = await supervision.start({ children: [supervisorChild({ ...inner, children })] });
	for (const restarts of [0, 1]) {
		const child = await childOf(await supervisorOf(top, 'inner'), 'pump');
		actorOf(child)?.send({ type: 'GOOD' });
		actorOf(child)?.send({ type: 'BAD', token: 'abc123' });
		await supervision.clock.settle();
		const report = supervision.seen('actor.crashed').at(-1);
		assert.ok(report);
		const { stack, neighbours, at: _at, type: _type, ...rest } = { at: 0, type: '', ...report };
		assert.deepEqual(rest, {
			actor: 'pump',
			pid: child.pid,
			initialCall: 'pump',
			ancestors: ['inner', 'top'],
			reason: 'bad event, token=[redacted]',
			lastMessage: '{"type":"BAD","token":"[redacted]"}',
			state: '"error"',
			mailboxLength: 7,
			restarts,
		});
		assert.match(stack ?? '', /crash-report\.test\.ts/);
		assert.match(neighbours?.join() ?? '', /^beside#\d+$/);
	}
});

test('a crash report contains no secrets', () => {
	const secrets = {
		password: 's3cret',
		dbPassword: 's3cret',
		apiKey: 's3cret',
		api_key: 's3cret',
		private_key: 's3cret',
		authorization: 's3cret',
		nested: [{ accessToken: 's3cret', url: 'http://x/?token=s3cret&b=1' }],
		header: 'Bearer s3cret',
	};
	const report = crashReport({
		actor: 'a',
		pid: 'a#1',
		ancestors: [],
		reason: new Error('login failed with password=s3cret'),
		restarts: 0,
		neighbours: [],
		description: { state: secrets, lastMessage: { type: 'LOGIN', ...secrets } },
	});
	assert.doesNotMatch(JSON.stringify(report), /s3cret/);
	assert.equal(redactText('a monkey ate 3 tokens'), 'a monkey ate 3 tokens');
});

test('anything can be printed: cycles, large states, functions, and what has no JSON', () => {
	const cycle: Record<string, unknown> = { name: 'cycle' };
	cycle.self = cycle;
	assert.match(print(cycle), /"name":"cycle"/);
	assert.ok(print({ list: Array.from({ length: 100_000 }, (_, n) => ({ n })) }).length <= 1003);
	assert.equal(
		print({ run() {}, big: 1n, at: new Map(), bytes: new Uint8Array(3) }),
		'{"big":"1","at":"[Map]","bytes":"[3 bytes]"}',
	);
	assert.equal(print(undefined), 'undefined');
	assert.equal(print(new TypeError('odd')), '"TypeError: odd"');
});

test('an error that belongs to no actor is reported under the name of its origin', () => {
	const report = strayReport('central', 'a token=abc leaked');
	assert.equal(oneLine(report), 'central crashed: a token=[redacted] leaked; restarts 0');
});
