/**
 * The security services of a node: its keys, its signatures and its access rules.
 *
 * @module
 */
import { join } from 'node:path';
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import type { ClaimSigner } from '../../runtime/network/name-claim.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { ReplayCheck } from '../../runtime/network/inbound-router.ts';
import { createClientCheck, type ClientCheck } from '../../runtime/security/client-signature.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { bookOf, fingerprint, keyText, openKeyring } from '../../runtime/security/keyring.ts';
import { openPendingKeys } from '../../runtime/security/pending-keys.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import { createReplayGuard } from '../../runtime/security/replay-guard.ts';
import { passingSigner } from '../../runtime/security/signing.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { createAuthority, type Authority } from '../../runtime/security/authority.ts';
import { openAuthorization, type Authorization } from '../../runtime/security/authorization.ts';
import { createPermit, type Permit } from '../../runtime/security/permit.ts';

/** The security services that {@link createNodeSecurity} makes. */
export interface NodeSecurity {
	readonly authorization: Authorization | undefined;
	readonly signer: Authorization['signer'];
	readonly claimSigner: ClaimSigner | undefined;
	/** Notes a key that a node has announced, and that is not accepted. */
	readonly noteKey: ((node: string, key: string) => void) | undefined;
	/** What the principals of messages may do here. */
	authority(methods: Pick<MethodRegistry, 'find'>): Authority;
	/** Whether messages of other nodes are allowed. */
	permit(ledger: Pick<Ledger, 'get'>, authority: Authority): Permit;
	/** The rest stands on the journal. */
	on(journal: Journal): {
		readonly guard: ReplayCheck;
		readonly clientCheck: ClientCheck;
	};
}

/**
 * Opens keys and access rules.
 *
 * @throws ReeveError `bad_config`, `bad_key`, `bad_acl`
 */
export function createNodeSecurity(parts: {
	config: Config;
	clock: Clock;
	signals: Signals;
	methods: MethodRegistry;
	/** Other nodes that this node has heard of; called once all services are there. */
	nodes: () => readonly string[];
}): NodeSecurity {
	const { config, clock, signals, methods: registry, nodes } = parts;
	const { signing } = config;
	if (signing !== 'off') acceptCentral(config, clock);
	const authorization = openAuthorization(config, clock, {
		find: (name) => registry.find(name),
		methods: () => registry.list(),
		nodes,
	});
	authorization?.access.onFailure((why) => signals.emit('access.unreadable', { why }));
	authorization?.keyring.onProblem((problem) => signals.emit('key.unreadable', problem));
	const signer = authorization?.signer ?? passingSigner;
	return {
		authorization,
		signer,
		claimSigner: signer.isOn ? claimSignerOf(signer, parts) : undefined,
		noteKey: signer.isOn && authorization ? noteKeys(authorization, parts) : undefined,
		authority: (methods) =>
			createAuthority({
				config,
				access: authorization?.access,
				keyring: authorization?.keyring,
				find: (name) => methods.find(name),
			}),
		permit: (ledger, authority) =>
			createPermit({
				config,
				access: authorization?.access,
				authority,
				sentRequest: ledger.get,
			}),
		on(journal) {
			const guard = createReplayGuard(journal);
			const replayCheck = {
				...guard,
				write: (changes: Parameters<ReplayCheck['write']>[0]) => journal.commit(changes),
			};
			return {
				guard: replayCheck,
				clientCheck: createClientCheck({ authorization, signing, guard }),
			};
		},
	};
}

/**
 * Trusts the key of central that the configuration names, once: later it is the operator who trusts
 * and revokes. That it was done is on disk, since the first start may have failed before.
 */
function acceptCentral(
	{ keysFolder: folder, nodeName, centralNodeName: name, centralKey: key }: Config,
	clock: Clock,
) {
	if (key === '' || folder === '' || nodeName === name) return;
	const invited = bookOf(join(folder, 'invited'), clock);
	if (
		invited
			.read()
			.get(name)
			?.keys.some((each) => keyText(each) === key)
	)
		return;
	const keyring = openKeyring({ folder, node: nodeName, clock });
	const central = { kind: 'node', name } as const;
	if (!keyring.knows(central)) keyring.trust({ ...central, key });
	invited.change(name, (known) => [...known, key]);
}

/** What nodes announce is kept for a person to accept, and told once. */
function noteKeys(
	{ keyring }: Authorization,
	{ config, clock, signals }: { config: Config; clock: Clock; signals: Signals },
): (node: string, key: string) => void {
	const { keysFolder: folder, pendingKeysMax: namesMax } = config;
	const pending = openPendingKeys({ folder, clock, keyring, namesMax });
	return (name, key) => {
		if (!pending.note(name, key)) return;
		const isOther = keyring.knows({ kind: 'node', name });
		signals.emit('key.pending', { name, fingerprint: fingerprint(key), isOther });
	};
}

/**
 * While signatures are not required, every claim and objection counts: two nodes that were given
 * one name by mistake have different keys, and must still find out.
 */
function claimSignerOf(
	signer: Authorization['signer'],
	{ config, signals }: { config: Config; signals: Signals },
): ClaimSigner {
	const { signing, nodeName } = config;
	return {
		close: (topic, note) => signer.signJson(topic, note, 0),
		isGenuine(topic, payload) {
			if (signing !== 'required') return true;
			try {
				signer.checkJson(topic, payload, nodeName);
				return true;
			} catch (thrown) {
				const { code } = asReeveError(thrown, 'bad_frame');
				signals.emit('signature.refused', { code, from: nodeName, topic });
				return false;
			}
		},
	};
}
