/**
 * Whether this process may use the name of its node, and whether it may work on what its store
 * holds. A store that starts where it was last is at home, and its process works at once. A store
 * that was moved, restored or cloned works only after a claim of its name without an objection.
 *
 * @module
 */
import { createClaims, type Claims, type ClaimSigner } from '../../runtime/network/name-claim.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** What ownership is decided with. */
export interface OwnershipParts {
	readonly config: Config;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly host: string;
	/** Signs claims and objections. */
	readonly signer?: ClaimSigner | undefined;
	/** Ends the node for this reason. */
	readonly onEnd: (reason: ErrorCode) => void;
}

/** The ownership that {@link createOwnership} makes. */
export interface Ownership {
	readonly claims: Claims;
	/** Resolves when what the store holds may be worked on. */
	readonly mayRun: Promise<void>;
	/** For people: how it stands with the name. */
	state(): string;
}

/** Creates the ownership of a node. */
export function createOwnership(parts: OwnershipParts): Ownership {
	const { config, clock, signals, journal, host, onEnd } = parts;
	let isAtHome = !journal.isMoved;
	let state = isAtHome ? 'not claimed yet' : 'not claimed yet; until then nothing runs here';
	const mayRun = deferred();
	if (isAtHome) mayRun.resolve();

	const claims = createClaims({
		self: {
			node: config.nodeName,
			prefix: config.topicPrefix,
			epoch: journal.epoch,
			host,
			get storeId() {
				return journal.storeId;
			},
		},
		clock,
		signer: parts.signer,
		claimMs: config.claimMs,
		isAtHome: () => isAtHome,
		isOwner: () => journal.isOwner(),
		async onGranted(tookMs) {
			state = 'ours';
			signals.emit('name.granted', { tookMs });
			if (isAtHome) return;
			isAtHome = true;
			// It rejects only if this process is fenced, and then it must not work either.
			await journal.settleHere().then(mayRun.resolve, ignoreIfFenced);
		},
		onDenied(by) {
			// A later process on this folder has fenced this one, which ends without an objection.
			if (!journal.isOwner()) return;
			const isClone = by.storeId === journal.storeId;
			const code = isClone ? 'cloned_store' : 'duplicate_node';
			const detail = `${config.nodeName} lives with store ${by.storeId} on host ${by.host}`;
			state = `denied: ${detail}`;
			signals.emit('name.denied', { code, detail });
			if (isClone || config.onDuplicateName === 'exit') onEnd(code);
		},
	});
	return { claims, mayRun: mayRun.promise, state: () => state };
}
