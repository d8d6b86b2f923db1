import assert from 'node:assert/strict';
import test from 'node:test';
import { createChild, type OwnedChild } from '../../../supervisors/otp/child.ts';
import { exitText, type DownReason } from '../../../supervisors/otp/exit-reason.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { frameVersion } from '../../../runtime/protocol/frame.ts';
import { createPresence as createTable } from '../../../runtime/network/presence.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import {
	monitor,
	monitorRemote,
	type Down,
	type NodeEpoch,
	type NodePresence,
} from '../../../supervisors/otp/monitors.ts';

function actor(): OwnedChild {
	const child = createChild('a', { shutdown: (reason) => child.exit(reason), kill() {} });
	return child;
}

/** What monitors told, in words. */
function listener() {
	const heard: string[] = [];
	const hear = ({ reason }: Down) => void heard.push(exitText(reason));
	return { heard, hear };
}

const settled = () => new Promise((resolve) => void setImmediate(resolve));

/** Nodes that come and go on cue. */
function createPresence() {
	const epochs = new Map<string, NodeEpoch>();
	const watchers = new Set<(t: NodeEpoch & { name: string }) => void>();
	const presence: NodePresence = {
		get: (name) => epochs.get(name),
		onChange(see) {
			watchers.add(see);
			return () => void watchers.delete(see);
		},
	};
	const learn = (name: string, t: NodeEpoch) => {
		epochs.set(name, t);
		for (const see of watchers) see({ name, ...t });
	};
	return { presence, learn, watchers };
}

const alive = { state: 'online', storeId: 's1', epoch: 3 } as const;
const target = { node: 'ship1', name: 'pump' };

test('each monitor fires once when its actor ends, with the reason', async () => {
	const { heard, hear } = listener();
	const child = actor();
	monitor(child, hear);
	monitor(child, hear);
	child.exit(new Error('crash'));
	child.exit('normal');
	child.kill();
	await settled();
	assert.deepEqual(heard, ['crash', 'crash']);
});

test('an actor does not end with the one that it monitors', () => {
	const [watcher, child] = [actor(), actor()];
	monitor(child, () => {});
	watcher.exit('normal');
	assert.equal(child.exitReason, undefined);
});

test('monitoring no actor, or an ended one, fires noproc, but not before the call has returned', async () => {
	const dead = actor();
	dead.exit('normal');
	for (const absent of [undefined, dead]) {
		const downs: Down[] = [];
		const made = monitor(absent, (down) => downs.push(down));
		assert.equal(downs.length, 0);
		await settled();
		assert.deepEqual(
			downs.map(({ reason }) => reason),
			['noproc'],
		);
		assert.equal(downs[0]?.monitor, made);
		assert.equal(downs[0]?.target, absent);
	}
});

test('a monitor does not fire after demonitor, even if the actor has ended before', async () => {
	const { heard, hear } = listener();
	const child = actor();
	monitor(child, hear).demonitor();
	child.exit('normal');
	monitor(child, hear).demonitor();
	await settled();
	assert.deepEqual(heard, []);
});

test('a remote monitor fires noconnection once when the node dies', async () => {
	const { presence, learn, watchers } = createPresence();
	const { heard, hear } = listener();
	learn('ship1', alive);
	monitorRemote(target, { presence }, hear);
	learn('ship2', { ...alive, state: 'offline' });
	assert.deepEqual(heard, []);
	learn('ship1', { ...alive, state: 'offline' });
	learn('ship1', { ...alive, epoch: 4 });
	await settled();
	assert.deepEqual(heard, ['noconnection']);
	assert.equal(watchers.size, 0);
});

test('a remote monitor fires noconnection at once for an offline node, and for one that was replaced', async () => {
	const { presence, learn } = createPresence();
	const { heard, hear } = listener();
	monitorRemote(target, { presence }, hear);
	await settled();
	assert.deepEqual(heard, ['noconnection']);
	for (const next of [{ epoch: 4 }, { storeId: 's2' }]) {
		learn('ship1', alive);
		monitorRemote(target, { presence }, hear);
		learn('ship1', { ...alive, ...next });
	}
	await settled();
	assert.equal(heard.length, 3, 'its birth came before its death was seen');
});

test('the late death of an earlier epoch does not fire a monitor, nor does a repeated birth', async () => {
	const { presence, learn } = createPresence();
	const { heard, hear } = listener();
	learn('ship1', alive);
	monitorRemote(target, { presence }, hear);
	learn('ship1', alive);
	learn('ship1', { ...alive, state: 'offline', epoch: 2 });
	await settled();
	assert.deepEqual(heard, []);
});

test('an exit that the other node reports fires the monitor with its reason, once', async () => {
	const { presence, learn } = createPresence();
	const { heard, hear } = listener();
	learn('ship1', alive);
	let tell: (reason: DownReason) => void = () => assert.fail('no listener');
	let isIgnored = false;
	const exits = (_target: object, see: (reason: DownReason) => void) => {
		tell = see;
		return () => void (isIgnored = true);
	};
	monitorRemote(target, { presence, exits }, hear);
	tell('shutdown');
	learn('ship1', { ...alive, state: 'offline' });
	await settled();
	assert.deepEqual(heard, ['shutdown']);
	assert.ok(isIgnored);
});

test('remote monitors work with the presence of nodes', async () => {
	const clock = steppedClock();
	const presence = createTable({ clock, signals: createSignals(clock) });
	const { heard, hear } = listener();
	const t = { v: frameVersion, node: 'ship1', storeId: 's1', methods: [] } as const;
	presence.learn({ ...t, state: 'online', epoch: 1 });
	monitorRemote(target, { presence }, hear);
	presence.learn({ ...t, state: 'online', epoch: 1 });
	await settled();
	assert.deepEqual(heard, []);
	presence.learn({ ...t, state: 'online', epoch: 2 });
	monitorRemote(target, { presence }, hear);
	presence.learn({ ...t, state: 'offline', epoch: 2 });
	await settled();
	assert.deepEqual(heard, ['noconnection', 'noconnection']);
});
