import assert from 'node:assert/strict';
import test from 'node:test';
import type { Verdict } from '../../../runtime/network/transport.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createHangUpTrial } from '../../../transports/mqtt/hang-up-trial.ts';
import { isHangUp } from '../../../transports/mqtt/reason-codes.ts';

const hangUpTrialMs = 10_000;

/** A connection whose broker hangs up on the publications of these names. */
function connection(poison: readonly string[], qos: 0 | 1 = 1) {
	const clock = steppedClock();
	const trial = createHangUpTrial({ clock, config: { hangUpTrialMs } });
	let underWay: { name: string; answer: (verdict: Verdict) => void }[] = [];
	const verdicts = new Map<string, Verdict>();
	let breaks = 0;
	const publish = (name: string): void => {
		const send = (isTrial: boolean): Promise<Verdict> => {
			if (qos === 0 && !isTrial) return Promise.resolve('taken');
			return new Promise((answer) => underWay.push({ name, answer }));
		};
		void trial.run(qos, send).then((verdict) => verdicts.set(name, verdict));
	};
	/** The broker takes what comes before the first poison, and hangs up on that. */
	const serve = async (): Promise<void> => {
		await clock.settle();
		while (underWay.length > 0) {
			const next = underWay.shift();
			if (next && !poison.includes(next.name)) {
				next.answer('taken');
				trial.answered();
			} else {
				breaks += 1;
				trial.lost(true);
				for (const { answer } of [next, ...underWay].filter((each) => each !== undefined)) {
					answer('not_connected');
				}
				underWay = [];
			}
			await clock.settle();
		}
	};
	return { clock, trial, publish, serve, verdicts, breaks: () => breaks, underWay: () => underWay };
}

test('one publication that breaks the connection is found by halves', async () => {
	const names = Array.from({ length: 16 }, (_, index) => `p${index}`);
	const { publish, serve, verdicts, breaks } = connection(['p11']);
	for (let tries = 0; tries < 10 && verdicts.get('p11') !== 'hung_up'; tries += 1) {
		for (const name of names) if (verdicts.get(name) !== 'taken') publish(name);
		await serve();
	}
	assert.equal(verdicts.get('p11'), 'hung_up');
	assert.equal([...verdicts.values()].filter((verdict) => verdict === 'hung_up').length, 1);
	assert.ok(breaks() <= 6, `${breaks()} connections`);
});

test('one publication that breaks the connection is found also with QoS 0', async () => {
	const { publish, serve, verdicts, trial } = connection(['ack'], 0);
	publish('ack');
	await serve();
	assert.equal(trial.isInDoubt(), true, 'nothing has been answered since');
	trial.lost(true);
	publish('ack');
	await serve();
	assert.equal(verdicts.get('ack'), 'hung_up');
});

test('a connection that is lost while nothing is under way, or by the network, restricts nothing', async () => {
	const { publish, trial, clock, underWay } = connection([]);
	trial.lost(true);
	for (const name of ['a', 'b', 'c']) publish(name);
	await clock.settle();
	assert.equal(underWay().length, 3);
	trial.lost(false);
	publish('d');
	await clock.settle();
	assert.equal(underWay().length, 4);
});

test('while nothing happens, more may be under way again', async () => {
	const { publish, trial, clock, underWay } = connection([]);
	for (const name of ['a', 'b', 'c', 'd']) publish(name);
	await clock.settle();
	trial.lost(true);
	for (const { answer } of underWay().splice(0)) answer('not_connected');
	await clock.settle();
	for (let index = 0; index < 100; index += 1) publish(`p${index}`);
	await clock.settle();
	assert.equal(underWay().length, 2);
	await clock.advance(hangUpTrialMs);
	assert.equal(underWay().length, 4);
	await clock.advance(5 * hangUpTrialMs);
	assert.equal(underWay().length, 100);
	trial.end();
});

test('a shutdown of the broker, a taken session and a dead network are no hang-ups', () => {
	for (const reason of [0x8b, 0x8e, 0x98]) assert.equal(isHangUp(reason, undefined), false);
	const unreachable = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' });
	assert.equal(isHangUp(undefined, unreachable), false);
	assert.equal(isHangUp(undefined, new Error('Keepalive timeout')), false);
	const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
	assert.equal(isHangUp(undefined, reset), true);
	assert.equal(isHangUp(undefined, undefined), true);
	for (const reason of [0x82, 0x87, 0x95]) assert.equal(isHangUp(reason, undefined), true);
});
