/**
 * The simulated process of a node: its clock, disk, wire and methods. All of it can be frozen, and
 * all of it ends together when it is killed. Code of a killed process may still run here, but has
 * no effect any more.
 *
 * @module
 */
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import { createFaultyDisk, type FaultyDisk } from '../../runtime/journal/faulty-disk.ts';
import type { TransportDefinition, WireListener } from '../../runtime/network/transport.ts';
import { loopback, type Hub } from '../../transports/loopback/loopback.ts';
import { deferred } from '../../runtime/platform/deferred.ts';

/** The process that {@link createSimulatedProcess} makes. */
export interface SimulatedProcess {
	readonly clock: Clock;
	readonly disk: FaultyDisk;
	readonly transport: TransportDefinition;
	isAlive(): boolean;
	/** Resolves when it has been killed. */
	readonly killed: Promise<void>;
	/** Wraps a method so that a killed process does not start it any more. */
	method(definition: MethodDefinition): MethodDefinition;
	/** Shifts the wall clock of this process alone by so many milliseconds. */
	shift(ms: number): void;
	/** Suspends the process as SIGSTOP does: what arrives waits. */
	freeze(): void;
	thaw(): void;
	/** Kills it as SIGKILL does. */
	kill(): void;
	/** Lets the code of a killed process run to its end, so that nothing of it stays open. */
	bury(): void;
}

/** The parts of a simulated process. */
export interface SimulatedProcessParts {
	readonly node: string;
	readonly clock: Clock;
	readonly hub: Hub;
	/** Which start of the machine it runs on. */
	readonly boot: string;
}

/** Creates a simulated process. */
export function createSimulatedProcess({
	node,
	clock,
	hub,
	boot,
}: SimulatedProcessParts): SimulatedProcess {
	const disk = createFaultyDisk();
	const flow = createFlow();
	let state: 'alive' | 'killed' | 'buried' = 'alive';
	const isAlive = () => state === 'alive';
	const wire = wireOf(loopback(hub), flow, isAlive);
	let shiftMs = 0;
	let isFrozen = false;
	const killed = deferred();
	const buried = deferred();

	return {
		disk,
		killed: killed.promise,
		isAlive,
		clock: {
			now: () => clock.now() + shiftMs,
			monotonic: () => clock.monotonic(),
			sinceBoot: () => ({ id: boot, ms: clock.monotonic() }),
			random: () => clock.random(),
			bytes: (count) => clock.bytes(count),
			after: (delayMs, run) => heldTimer(flow, (pass) => clock.after(delayMs, pass), run),
		},
		transport: wire.transport,
		method: (definition) => ({
			...definition,
			run: (message, context) =>
				isAlive() ? definition.run(message, context) : new Promise(() => {}),
		}),
		shift: (ms) => void (shiftMs += ms),
		freeze() {
			if (isFrozen || state !== 'alive') return;
			isFrozen = true;
			flow.stop();
			disk.hold();
		},
		thaw() {
			if (!isFrozen || state !== 'alive') return;
			isFrozen = false;
			disk.release();
			flow.start();
		},
		kill() {
			if (state !== 'alive') return;
			state = 'killed';
			flow.stop();
			disk.cut(buried.promise);
			if (wire.hasJoined()) hub.cut(node);
			killed.resolve();
		},
		bury() {
			state = 'buried';
			buried.resolve();
			flow.start();
		},
	};
}

/** Passes events to a process; while it is stopped they wait, in order. */
function createFlow() {
	const waiting: (() => void)[] = [];
	let isStopped = false;
	return {
		pass(event: () => void): void {
			if (isStopped) waiting.push(event);
			else event();
		},
		stop: () => void (isStopped = true),
		start(): void {
			isStopped = false;
			for (const event of waiting.splice(0)) event();
		},
	};
}

type Flow = ReturnType<typeof createFlow>;

/** A timer that does not fire while its process is stopped, but as soon as it continues. */
function heldTimer(flow: Flow, arm: (pass: () => void) => Timer, run: () => void): Timer {
	let isCancelled = false;
	const timer = arm(() =>
		flow.pass(() => {
			if (!isCancelled) run();
		}),
	);
	return {
		cancel() {
			isCancelled = true;
			timer.cancel();
		},
	};
}

/** The wire of a process: what arrives waits while it is stopped, and is lost if it is killed. */
function wireOf(wire: TransportDefinition, flow: Flow, isAlive: () => boolean) {
	const listenerOf = (listener: WireListener): WireListener => {
		const pass = (event: () => void): void =>
			flow.pass(() => {
				if (isAlive()) event();
			});
		return {
			up: (each) => pass(() => listener.up(each)),
			down: (each, reason) => pass(() => listener.down(each, reason)),
			packet: (topic, payload) => pass(() => listener.packet(topic, payload)),
			publicMessage: (topic, payload, properties) =>
				new Promise((resolve, reject) => {
					pass(() => void listener.publicMessage(topic, payload, properties).then(resolve, reject));
				}),
		};
	};
	let hasJoined = false;
	const transport: TransportDefinition = {
		...wire,
		wanted: () => true,
		start(context) {
			hasJoined = true;
			const listener = listenerOf(context.listener);
			// A getter: the will names the store, whose identity may change until it is read.
			return wire.start({
				...context,
				listener,
				get will() {
					return context.will;
				},
			});
		},
	};
	return { transport, hasJoined: () => hasJoined };
}
