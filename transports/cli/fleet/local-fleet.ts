/**
 * A fleet on this machine: a broker and nodes, each a process of its own, with all their files in
 * one folder.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { openKeyring } from '../../../runtime/security/keyring.ts';
import { usualUser } from '../../mqtt/broker-login.ts';
import { startMember, type Member } from './fleet-member.ts';

/**
 * The name under which the broker is started and stopped; a node of the fleet cannot have it.
 */
const brokerName = 'broker';

/** The parts of a fleet. */
export interface FleetParts {
	readonly folder: string;
	readonly nodes: readonly string[];
	/** Further words for every node. */
	readonly nodeWords: readonly string[];
	/** Where the broker listens; undefined: at the usual port, or a free one if that is taken. */
	readonly listen?: string;
	readonly self: readonly string[];
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly clock: Clock;
	/** Called when a member ends that was not stopped here. */
	readonly onGone: (name: string, how: string) => void;
}

/** A running fleet. */
export interface Fleet {
	/** The broker's address. */
	readonly broker: string;
	/** The file with its password. */
	readonly passwordFile: string;
	/** The lines that the broker printed when it started. */
	readonly greeting: readonly string[];
	member(name: string): Member | undefined;
	socket(node: string): string;
	/**
	 * Starts a member, or starts it again; resolves when it is ready.
	 *
	 * @throws ReeveError `not_found` for a name that is not in the fleet, `bad_usage` if it runs
	 */
	start(name: string): Promise<Member>;
	/** Stops a member. */
	stop(name: string): Promise<void>;
	/** Kills a member as a power cut would. */
	kill(name: string): Promise<void>;
	/** Stops all, the broker last, so that the nodes can publish their end. */
	end(): Promise<void>;
}

/** Starts the broker; the nodes are started by name. */
export async function startFleet(parts: FleetParts): Promise<Fleet> {
	const { folder, nodes, self, environment, clock } = parts;
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const members = new Map<string, Member>();
	const expected = new Set<string>();
	let listen = parts.listen;

	const launch = async (name: string, words: readonly string[]): Promise<Member> => {
		const log = join(folder, `${name}.log`);
		const member = startMember({ name, self, words, environment, log, clock });
		members.set(name, member);
		try {
			await member.ready;
		} catch (thrown) {
			if (members.get(name) === member) members.delete(name);
			expected.delete(name);
			throw thrown;
		}
		void member.ended.then((how) => {
			if (members.get(name) === member && !expected.delete(name)) parts.onGone(name, how);
		});
		return member;
	};
	const passwordFile = resolve(folder, 'broker.password');
	const launchBroker = () =>
		launch(brokerName, [
			'broker',
			'--passwordFile',
			passwordFile,
			...(listen === undefined ? [] : ['--listen', listen]),
		]);
	const ending = async (name: string, how: 'stop' | 'kill'): Promise<void> => {
		const member = members.get(name);
		if (!member?.isRunning()) return;
		expected.add(name);
		await member[how]();
	};

	introduce(folder, nodes, clock);
	const first = await launchBroker();
	const broker = /mqtt:\/\/\S+/.exec(first.greeting.at(-1) ?? '')?.[0] ?? '';
	listen = broker.replace('mqtt://', '');

	return {
		broker,
		passwordFile,
		greeting: first.greeting,
		member: (name) => members.get(name),
		socket: (node) => join(folder, `${node}.sock`),
		async start(name) {
			if (name !== brokerName && !nodes.includes(name)) {
				const known = [brokerName, ...nodes].join(', ');
				throw new ReeveError('not_found', `${name}: this fleet has ${known}`);
			}
			if (members.get(name)?.isRunning())
				throw new ReeveError('bad_usage', `${name} is running already`);
			if (name === brokerName) return launchBroker();
			return launch(name, [
				...nodeWordsOf(name, folder),
				...Object.entries({
					brokerAddress: broker,
					brokerUser: usualUser,
					brokerPasswordFile: passwordFile,
				}).flatMap(([key, value]) => [`--${key}`, value]),
				...parts.nodeWords,
			]);
		},
		async stop(name) {
			if (!members.has(name)) throw new ReeveError('not_found', `${name}: it was not started here`);
			await ending(name, 'stop');
		},
		kill: (name) => ending(name, 'kill'),
		async end() {
			await Promise.all(nodes.map((name) => ending(name, 'stop')));
			await ending(brokerName, 'stop');
		},
	};
}

/** Makes the nodes trust one another: they are processes of one user, on one machine. */
function introduce(folder: string, nodes: readonly string[], clock: Clock): void {
	const keyrings = nodes.map((node) => {
		const keysFolder = join(folder, node, 'etc', 'keys');
		return { node, keyring: openKeyring({ folder: keysFolder, node, clock }) };
	});
	for (const { node, keyring } of keyrings) {
		const key = keyring.ownKey();
		for (const other of keyrings) {
			const owner = { kind: 'node', name: node } as const;
			// The keyring trusts its own key anyway; one that was revoked here stays so.
			if (other.node !== node && !other.keyring.knows(owner))
				other.keyring.trust({ ...owner, key });
		}
	}
}

function nodeWordsOf(name: string, folder: string): readonly string[] {
	const settings = {
		nodeName: name,
		centralNodeName: 'central',
		socketFolder: folder,
		databaseFolder: join(folder, name, 'db'),
		subscribersDataFolder: join(folder, name, 'data'),
		configFolder: join(folder, name, 'etc'),
	};
	return ['run', ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])];
}
