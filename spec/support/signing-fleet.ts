/**
 * Nodes that sign, around one broker, and an eavesdropper who would like to be one of them.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { steppedClock } from '../../runtime/platform/clock.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import { openKeyring, type Keyring } from '../../runtime/security/keyring.ts';
import type { RunningNode } from '../../supervisors/node/node.ts';
import { eavesdropper, type Eavesdropper } from './eavesdropper.ts';
import { signalOf, startLocalFleet, type Values } from './local-nodes.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** The nodes and what they are started with. */
export interface SigningFleet {
	readonly mallory: Eavesdropper;
	/** The keyring of a node, whether it runs or not; a new one for a name that has none. */
	readonly keyring: (node: string) => Keyring;
	/** Where the keys of a node are. */
	readonly keysFolder: (node: string) => string;
	/** Starts a node that trusts, and is trusted by, all that were named; it is connected then. */
	readonly start: (node: string, values?: Values) => Promise<RunningNode>;
}

/**
 * Makes keys for these nodes, makes each trusted by all others, and starts the broker. Where
 * signatures are required, rules allow everything to those who have proven themselves.
 */
export async function startSigningFleet(
	t: TestScope,
	nodes: readonly string[],
	signing: 'off' | 'on' | 'required' = 'required',
): Promise<SigningFleet> {
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
		// Without rules, only central may call anything where signatures are required.
		mkdirSync(keysFolder(one), { recursive: true });
		if (signing === 'required') {
			writeFileSync(join(keysFolder(one), 'acl.yaml'), "rules: [{from: '*', method: '*'}]\n");
		}
		for (const name of nodes) {
			if (one !== name) keyring(one).trust({ kind: 'node', name, key: keyring(name).ownKey() });
		}
	}
	const fleet = await startLocalFleet(t);
	const mallory = await eavesdropper(t, fleet.broker);
	return {
		mallory,
		keyring,
		keysFolder,
		async start(name, values = {}) {
			const own = { signing, keysFolder: keysFolder(name), ...values };
			const node = await fleet.start(name, own);
			await signalOf(node, 'transport.up', ({ transport }) => transport === 'mqtt');
			return node;
		},
	};
}

/**
 * Resolves once a node has refused a publication for this reason; with the topic that it came on.
 */
export async function refused(node: RunningNode, code: ErrorCode): Promise<string> {
	const { topic } = await signalOf(node, 'signature.refused', (signal) => signal.code === code);
	return topic;
}
