/**
 * Nodes that sign, around one broker, with somebody at it who would like to be one of them.
 *
 * @module
 */
import { join } from 'node:path';
import { steppedClock } from '../../runtime/platform/clock.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import { openKeyring, type Keyring } from '../../runtime/security/keyring.ts';
import type { RunningNode } from '../../supervisors/node/node.ts';
import { eavesdropper, type Eavesdropper } from './eavesdropper.ts';
import { startEstate, type Estate } from './estate.ts';
import type { LongTestScope } from './open-journal.ts';
import { temporaryFolder } from './temporary.ts';

/** The nodes and what they are started with. */
export interface SigningEstate {
	readonly mallory: Eavesdropper;
	/** The keyring of a node, whether it runs or not; a new one for a name that has none. */
	readonly keyring: (node: string) => Keyring;
	/** Where the keys of a node are. */
	readonly keysFolder: (node: string) => string;
	/** Starts a node that trusts, and is trusted by, all that were named; it is connected then. */
	readonly start: (node: string, values?: Parameters<Estate['start']>[1]) => Promise<RunningNode>;
}

/** Makes keys for these nodes, makes each trusted by all others, and starts the broker. */
export async function startSigningEstate(
	t: LongTestScope,
	nodes: readonly string[],
	signing: 'off' | 'on' | 'required' = 'required',
): Promise<SigningEstate> {
	const folder = temporaryFolder(t);
	const keysFolder = (node: string) => join(folder, node);
	const clock = steppedClock();
	const keyrings = new Map<string, Keyring>();
	const keyring = (node: string): Keyring => {
		const known = keyrings.get(node) ?? openKeyring({ folder: keysFolder(node), node, clock });
		keyrings.set(node, known);
		return known;
	};
	for (const one of nodes) {
		for (const name of nodes) {
			if (one !== name) keyring(one).trust({ kind: 'node', name, key: keyring(name).ownKey() });
		}
	}
	const estate = await startEstate(t);
	const mallory = await eavesdropper(t, estate.broker);
	return {
		mallory,
		keyring,
		keysFolder,
		async start(name, values = {}) {
			const own = { signing, keysFolder: keysFolder(name), ...values };
			const node = await estate.start(name, own);
			await heard(node, 'transport.up', 'mqtt');
			return node;
		},
	};
}

/**
 * Resolves once a node has emitted a signal of this type, for this transport if it is about one.
 */
function heard(node: RunningNode, type: string, transport?: string): Promise<void> {
	const isIt = (signal: { readonly type: string }) =>
		signal.type === type &&
		(!transport || ('transport' in signal && signal.transport === transport));
	return new Promise((resolve) => {
		const look = () => {
			if (!node.signals.recent().some(isIt)) return;
			unsubscribe();
			resolve();
		};
		const unsubscribe = node.signals.subscribe(look);
		look();
	});
}

/**
 * Resolves once a node has refused a publication for this reason; with the topic that it came on.
 */
export function refused(node: RunningNode, code: ErrorCode): Promise<string> {
	const find = () =>
		node.signals
			.recent()
			.find((signal) => signal.type === 'signature.refused' && signal.code === code);
	return new Promise((resolve) => {
		const look = () => {
			const found = find();
			if (found?.type !== 'signature.refused') return;
			unsubscribe();
			resolve(found.topic);
		};
		const unsubscribe = node.signals.subscribe(look);
		look();
	});
}
