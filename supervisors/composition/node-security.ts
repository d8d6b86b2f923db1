/**
 * Trusting: the keys, seals and access rules of a node, put together for its ground floor.
 *
 * @module
 */
import type { Books } from '../../runtime/ledger/ledger.ts';
import type { ClaimSeal } from '../../runtime/network/name-claim.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { SealGuard } from '../../runtime/network/inbound-router.ts';
import { createForeignCheck } from '../../runtime/security/client-signature.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import { createReplayGuard } from '../../runtime/security/replay-guard.ts';
import { openSeal } from '../../runtime/security/signing.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import {
	createPermit,
	openTrust,
	type Permit,
	type Trust,
} from '../../runtime/security/authorization.ts';

/** What the ground floor is given of it. */
export interface Trusting {
	readonly trust: Trust | undefined;
	readonly seal: Trust['seal'];
	readonly claimSeal: ClaimSeal | undefined;
	/** Whether messages of other nodes are allowed. */
	permit(books: Pick<Books, 'get'>, methods: Pick<MethodRegistry, 'find'>): Permit;
	/** The rest stands on the journal. */
	on(journal: Journal): {
		readonly guard: SealGuard;
		readonly checkAuthor: ReturnType<typeof createForeignCheck>;
	};
}

/**
 * Opens keys and access rules.
 *
 * @throws ReeveError `bad_config`, `bad_key`, `bad_acl`
 */
export function createTrusting(parts: {
	config: Config;
	clock: Clock;
	signals: Signals;
}): Trusting {
	const { config, clock } = parts;
	const { signing } = config;
	const trust = openTrust(config, clock);
	const seal = trust?.seal ?? openSeal;
	return {
		trust,
		seal,
		claimSeal: seal.isOn ? claimSealOf(seal, parts) : undefined,
		permit(books, methods) {
			const find = (name: string) => methods.find(name);
			return createPermit({
				config,
				access: trust?.access,
				sentRequest: books.get,
				find,
			});
		},
		on(journal) {
			const guard = createReplayGuard(journal);
			const sealGuard = {
				...guard,
				write: (changes: Parameters<SealGuard['write']>[0]) => journal.commit(changes),
			};
			return { guard: sealGuard, checkAuthor: createForeignCheck({ trust, signing, guard }) };
		},
	};
}

/**
 * While signatures are not required, every claim and objection counts: two nodes that were given
 * one name by mistake have keys of their own, and must still find out.
 */
function claimSealOf(
	seal: Trust['seal'],
	{ config, signals }: { config: Config; signals: Signals },
): ClaimSeal {
	const { signing, nodeName } = config;
	return {
		close: (topic, note) => seal.closeJson(topic, note, 0),
		isGenuine(topic, payload) {
			if (signing !== 'required') return true;
			try {
				seal.checkJson(topic, payload, nodeName);
				return true;
			} catch (thrown) {
				const { code } = asReeveError(thrown, 'bad_frame');
				signals.emit('seal.refused', { code, from: nodeName, topic });
				return false;
			}
		},
	};
}
