/**
 * The exports of `reeve/testing`, for tests of methods and actors: one actor that is driven by
 * hand, or a simulated fleet of whole nodes in one process, with faults on demand and a stepped
 * clock.
 *
 * ```ts
 * import { driveActor } from 'reeve/testing';
 *
 * const shelf = await driveActor(counter, { key: 'a' });
 * await shelf.send({ type: 'ADD', by: 2 });
 * await shelf.crash();
 * console.log(await shelf.context(), await shelf.turns());
 * await shelf.stop();
 * ```
 *
 * ```ts
 * import { simulateFleet } from 'reeve/testing';
 *
 * const fleet = simulateFleet({ seed: 1, methods: [greet] });
 * const central = await fleet.start('central');
 * await fleet.start('ship1', { crashAt: 'call.started' });
 * const id = await central.send({ toNode: 'ship1', method: 'GREET' });
 * await fleet.clock.advance(1000); // it dies in the middle of it
 * await fleet.start('ship1');
 * await fleet.clock.advance(60_000);
 * console.log((await central.row(id)).state);
 * await fleet.stop();
 * ```
 *
 * @module
 */
export { seededChance, steppedClock, type SteppedClock } from '../../runtime/platform/clock.ts';
export { armedPoints, crashPoints, type CrashPoint } from '../../runtime/platform/crash-points.ts';
export { createFaultyDisk, type FaultyDisk } from '../../runtime/journal/faulty-disk.ts';
export { createHub, loopback, type Hub } from '../../transports/loopback/loopback.ts';
export {
	driveActor,
	type DriveOptions,
	type DrivenActor,
	type DrivenOutcome,
	type DrivenTurn,
} from './driven-actor.ts';
export {
	simulateFleet,
	type FleetOptions,
	type SimulatedProcessOptions,
	type SimulatedFleet,
	type SimulatedNode,
} from './simulated-fleet.ts';
