/**
 * Peers: what people would use instead. Jobs per second from being added to being processed, of
 * BullMQ on a Redis that keeps its append-only file, against reeve's messages from being handed in
 * to being settled, which both ends have on disk; and requests per second of Moleculer over MQTT
 * with QoS 0, against reeve's with the kind that is sent at most once, and against its durable
 * ones, whose answers are in the ledger of the sender.
 *
 * The peers are a package of their own in the folder `peers`. No product depends on them.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { atLeast, full, inRounds, type Figure, type Scale } from './figure.ts';
import { inYard, type Forked, type Yard } from './forked.ts';
import { startRedis } from './redis.ts';
import type { RequestJob } from './request-host.ts';

const bytes = 200;
const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Why the peers cannot be measured here, and what to do about it. */
function missingPart(): string | undefined {
	if (!existsSync(pathOf('peers/node_modules'))) {
		return 'the peers are not installed: npm ci --prefix spec/bench/peers';
	}
	const { status } = spawnSync('sh', ['-c', 'command -v redis-server']);
	return status === 0 ? undefined : 'redis-server is not installed: apt-get install redis-server';
}

/**
 * Measures them.
 *
 * @throws Error what is missing here, and how it is got; in the short form that begins with
 * `skipped:`, because the peers were not asked for then
 */
export function measurePeers({ short }: Scale = full): Promise<readonly Figure[]> {
	const [count, rounds] = short ? [2000, 1] : [10_000, 5];
	const missing = missingPart();
	if (missing !== undefined) {
		return Promise.reject(new Error(short ? `skipped: ${missing}` : missing));
	}
	return inYard([], async (yard) => {
		const { broker, folder } = yard;
		const node = (name: string) => yard.start('request-host', { name, folder, broker });
		await node('ship1');
		const central = await node('central');
		// What is sent at most once is lost while the wire is not up: something durable goes first.
		await central.work({ do: 'send', to: 'ship1', count: 1, bytes } satisfies RequestJob);
		const perSecond = async (...hosts: readonly (readonly [Forked, object])[]): Promise<number> => {
			const from = performance.now();
			await Promise.all(hosts.map(([host, job]) => host.work(job)));
			return Math.round((count / (performance.now() - from)) * 1000);
		};
		const reeve = (what: RequestJob['do']) => {
			const job: RequestJob = { do: what, to: 'ship1', count, bytes };
			return perSecond([central, job]);
		};
		const job = { count, bytes };
		const figures: Figure[] = [];
		for (const appendfsync of ['everysec', 'always'] as const) {
			const { producer, worker } = await startBullmq(yard, appendfsync);
			const measured = await inRounds(rounds, async () => ({
				baseline: await perSecond([worker, job], [producer, job]),
				reeve: await reeve('send'),
			}));
			const name = `peers: BullMQ, ${appendfsync}`;
			figures.push(atLeast(3, { name, unit: 'jobs/s', ...measured }));
		}
		const moleculer = pathOf('peers/moleculer-host.ts');
		await yard.startWritten(moleculer, { role: 'service', broker });
		const caller = await yard.startWritten(moleculer, { role: 'caller', broker });
		const kinds = [
			{ do: 'once', goal: 1.5, name: 'peers: Moleculer, at most once' },
			{ do: 'request', goal: 1, name: 'peers: Moleculer, durable' },
		] as const;
		for (const { do: what, goal, name } of kinds) {
			const measured = await inRounds(rounds, async () => ({
				baseline: await perSecond([caller, job]),
				reeve: await reeve(what),
			}));
			figures.push(atLeast(goal, { name, unit: 'requests/s', ...measured }));
		}
		return figures;
	});
}

async function startBullmq(yard: Yard, appendfsync: 'everysec' | 'always') {
	const port = await startRedis(yard, appendfsync);
	const file = pathOf('peers/bullmq-host.ts');
	const worker = await yard.startWritten(file, { role: 'worker', port });
	return { worker, producer: await yard.startWritten(file, { role: 'producer', port }) };
}
