/**
 * The brokers that fleets are tortured over: each with its state on disk, so that there is
 * something to be lost.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Clock } from '../../runtime/platform/clock.ts';
import { freePort } from '../support/broker.ts';
import { createServerProcess, type Broker, type Server } from './server.ts';

/** What a broker is made from. */
export interface BrokerParts {
	readonly folder: string;
	readonly clock: Clock;
	/** The words that start reeve. */
	readonly self: readonly string[];
}

/** The brokers by name. */
export const brokers = {
	embedded: createEmbedded,
	mosquitto: createMosquitto,
	nats: createNats,
	rabbitmq: createRabbit,
} as const satisfies Record<string, (parts: BrokerParts) => Promise<Broker>>;

/** One of {@link brokers}. */
export type BrokerName = keyof typeof brokers;

/** The program that a broker needs, if it is not reeve itself. */
export const brokerPrograms: Readonly<Record<BrokerName, string>> = {
	embedded: 'node',
	mosquitto: 'mosquitto',
	nats: 'nats-server',
	rabbitmq: '/usr/lib/rabbitmq/bin/rabbitmq-server',
};

async function stopAll(servers: readonly Server[]): Promise<void> {
	await Promise.all(servers.map((server) => server.kill()));
}

/** The broker that reeve brings along; it keeps nothing on disk anyway. */
async function createEmbedded({ folder, clock, self }: BrokerParts): Promise<Broker> {
	const port = await freePort();
	const words = [...self, 'broker', '--without-login', '--listen', `127.0.0.1:${port}`];
	const log = join(folder, 'broker.log');
	const server = createServerProcess({ name: 'broker', port, words, log, clock });
	return {
		name: 'embedded',
		servers: [server],
		wipe: async () => undefined,
		stop: () => stopAll([server]),
	};
}

/** Mosquitto, which saves its state after every few changes. */
async function createMosquitto({ folder, clock }: BrokerParts): Promise<Broker> {
	const port = await freePort();
	const state = join(folder, 'broker');
	const file = join(folder, 'mosquitto.conf');
	const lines = [
		`listener ${port} 127.0.0.1`,
		'allow_anonymous true',
		'persistence true',
		`persistence_location ${state}/`,
		'autosave_on_changes true',
		'autosave_interval 50',
		// As root it would change to a user who cannot read this folder.
		...(process.getuid?.() === 0 ? ['user root'] : []),
	];
	await mkdir(state, { recursive: true });
	await writeFile(file, `${lines.join('\n')}\n`);
	const log = join(folder, 'broker.log');
	const words = ['mosquitto', '-c', file];
	const server = createServerProcess({ name: 'broker', port, words, log, clock });
	return {
		name: 'mosquitto',
		servers: [server],
		wipe: () => renewFolder(state),
		stop: () => stopAll([server]),
	};
}

const natsServers = 3;

/** A cluster of three NATS servers, which keep sessions and messages in JetStream, two of three. */
async function createNats({ folder, clock }: BrokerParts): Promise<Broker> {
	const places = await Promise.all(
		Array.from({ length: natsServers }, async (_, index) => ({
			name: `nats${index + 1}`,
			mqtt: await freePort(),
			client: await freePort(),
			route: await freePort(),
			monitor: await freePort(),
		})),
	);
	const routes = places.map(({ route }) => `nats-route://127.0.0.1:${route}`);
	const servers = places.map((place) => {
		const { name, mqtt: port, client, route, monitor } = place;
		const file = join(folder, `${name}.conf`);
		const text = [
			`server_name: ${name}`,
			`listen: 127.0.0.1:${client}`,
			`http: 127.0.0.1:${monitor}`,
			`jetstream { store_dir: "${join(folder, name)}" }`,
			`mqtt { listen: 127.0.0.1:${port}, ack_wait: "2s" }`,
			`cluster { name: reeve, listen: 127.0.0.1:${route}, routes: [${routes.join(', ')}] }`,
		];
		// Whether each consumer has caught up, which the whole of it asks for, takes minutes.
		const isReady = () => isHealthy(`http://127.0.0.1:${monitor}/healthz?js-server-only=true`);
		const words = ['nats-server', '-c', file];
		const log = join(folder, `${name}.log`);
		return { file, text, server: createServerProcess({ name, port, words, log, clock, isReady }) };
	});
	await Promise.all(servers.map(({ file, text }) => writeFile(file, `${text.join('\n')}\n`)));
	const list = servers.map(({ server }) => server);
	// What one server of a cluster has lost, the others still have: to wipe it proves nothing.
	return { name: 'nats', servers: list, wipe: undefined, stop: () => stopAll(list) };
}

async function isHealthy(url: string): Promise<boolean> {
	try {
		return (await fetch(url)).ok;
	} catch {
		return false;
	}
}

/** RabbitMQ with its MQTT plugin, apart from any that the machine may run. */
async function createRabbit({ folder, clock }: BrokerParts): Promise<Broker> {
	const [port, amqp, distribution, mapper] = await Promise.all([
		freePort(),
		freePort(),
		freePort(),
		freePort(),
	]);
	const state = join(folder, 'rabbitmq');
	const lines = [
		`listeners.tcp.1 = 127.0.0.1:${amqp}`,
		`mqtt.listeners.tcp.1 = 127.0.0.1:${port}`,
		'mqtt.allow_anonymous = true',
		'loopback_users = none',
		'log.console = true',
	];
	await mkdir(state, { recursive: true });
	await writeFile(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
	await writeFile(join(folder, 'plugins'), '[rabbitmq_mqtt].\n');
	const cookie = join(folder, '.erlang.cookie');
	await writeFile(cookie, 'TORTURE');
	await chmod(cookie, 0o600);
	const environment = {
		HOME: folder,
		ERL_EPMD_PORT: String(mapper),
		ERL_EPMD_ADDRESS: '127.0.0.1',
		// So that it may be ended although it takes a killed node for a living one.
		ERL_EPMD_RELAXED_COMMAND_CHECK: 'true',
		RABBITMQ_NODENAME: `reeve-${port}@localhost`,
		RABBITMQ_DIST_PORT: String(distribution),
		RABBITMQ_MNESIA_BASE: state,
		RABBITMQ_LOG_BASE: join(folder, 'rabbitmq-logs'),
		RABBITMQ_LOGS: '-',
		RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
		RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none',
	};
	const words = [brokerPrograms.rabbitmq];
	const log = join(folder, 'broker.log');
	const server = createServerProcess({ name: 'broker', port, words, log, clock, environment });
	return {
		name: 'rabbitmq',
		servers: [server],
		wipe: () => renewFolder(state),
		async stop() {
			await server.kill();
			// Erlang leaves its name server behind.
			await new Promise((resolve) => {
				execFile('epmd', ['-port', String(mapper), '-kill'], resolve);
			});
		},
	};
}

async function renewFolder(folder: string): Promise<void> {
	await rm(folder, { recursive: true, force: true, maxRetries: 5 });
	await mkdir(folder, { recursive: true });
}
