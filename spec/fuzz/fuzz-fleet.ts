/**
 * A node on a wire, with what it needs to know others by their keys, and the keys of these.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../runtime/config/config.ts';
import type { Frame } from '../../runtime/protocol/frame.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import { keyText, makeKey, openKeyring } from '../../runtime/security/keyring.ts';
import { createSigner, type Signer } from '../../runtime/security/signing.ts';
import { temporaryFolder, type TestScope } from '../support/temporary.ts';
import { startFuzzNode, type FuzzNode } from './fuzz-node.ts';
import { createFuzzWire, type FuzzWire, type SignAs } from './fuzz-wire.ts';

/** The node, its wire, and the keys of others. */
export interface FuzzFleet extends FuzzNode {
	readonly wire: FuzzWire;
	readonly signAs: SignAs;
	readonly signerOf: (node: string) => Signer | undefined;
	/** The key of the client alice. */
	readonly clientKey: KeyObject;
}

/** The nodes that others are, and that are known by their keys where nodes sign. */
const peers = ['ship1', 'ship2', 'ship9'] as const;

/** Starts it. Where signatures are required, rules allow everything to those who have signed. */
export async function startFuzzFleet(
	t: TestScope,
	signing: Config['signing'],
	onFrame?: (frame: Frame, to: string) => void,
): Promise<FuzzFleet> {
	const folder = temporaryFolder(t);
	const keysFolder = join(folder, 'keys');
	const keyring = openKeyring({ folder: keysFolder, node: 'central', clock: realClock });
	mkdirSync(keysFolder, { recursive: true });
	if (signing === 'required') {
		const rules = "rules: [{from: '*', method: '*'}, {from: 'client:*', method: '*'}]\n";
		writeFileSync(join(keysFolder, 'acl.yaml'), rules, { mode: 0o600 });
	}
	const signers = new Map<string, Signer>();
	for (const node of peers) {
		const own = openKeyring({ folder: join(folder, node), node, clock: realClock });
		keyring.trust({ kind: 'node', name: node, key: own.ownKey() });
		if (signing !== 'off') signers.set(node, createSigner({ keyring: own, signing: 'on' }));
	}
	const clientKey = makeKey(join(folder, 'alice.key'));
	keyring.trust({ kind: 'client', name: 'alice', key: keyText(clientKey) });
	const signAs: SignAs = (node, topic, content) =>
		signers.get(node)?.sign(topic, content) ?? content;
	const wire = createFuzzWire(signAs, onFrame);
	const fuzzNode = await startFuzzNode(t, [wire.transport], {
		databaseFolder: folder,
		keysFolder,
		signing,
	});
	return { ...fuzzNode, wire, signAs, signerOf: (node) => signers.get(node), clientKey };
}
