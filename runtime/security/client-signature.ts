/**
 * Signatures of public messages: what a person or a program without a node has signed and
 * published on a public topic. A message then has one field more:
 *
 * ```
 * {"method": "REQPing", "id": "job-1", "signature": {"by": "alice", "count": 17, "value": "..."}}
 * ```
 *
 * `value` is an Ed25519 signature in base64url over `reeve json 1`, the topic and the canonical
 * JSON of the message with `signature` without `value`, each followed by a zero byte but the last.
 * `count` is a number that the client raises with every message: the greater of its millisecond
 * clock and its last number plus one, because a clock may be set back. `id` must be there: a broker
 * may deliver a message twice, and its id tells that from a replay.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto';
import { sign as signBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { z } from 'zod';
import type { Caller } from './access-rules.ts';
import type { Called } from '../message/message.ts';
import { canonicalJson } from '../text/canonical-json.ts';
import type { Config } from '../config/config.ts';
import { ReeveError } from '../platform/errors.ts';
import type { ReplayGuard } from './replay-guard.ts';
import type { Authorization } from './authorization.ts';
import type { Change } from '../journal/schema.ts';

/** What is known of the author of a public message. */
export interface Author {
	readonly caller: Caller;
	/** The message without its signature. */
	readonly message: object;
	/** To be called when the message is accepted: from then on its number is used up. */
	used(): readonly Change[];
	/** Whether its number is used up already: then it must be a repetition. */
	readonly isUsed: boolean;
}

const signatureField = z.strictObject({
	by: z.string().min(1).max(128),
	count: z.int().min(0),
	value: z.string().max(200),
});

/** Signs a message of a client for a topic. */
export function signAsClient(
	message: object,
	topic: string,
	signer: { readonly by: string; readonly count: number; readonly key: KeyObject },
): object {
	const { by, count, key } = signer;
	const whole = { ...message, signature: { by, count } };
	const value = signBytes(null, textOf(topic, whole), key).toString('base64url');
	return { ...message, signature: { by, count, value } };
}

/**
 * The number of a client's next message, kept in a file: nodes refuse one that is not higher than
 * all before, and the clock may have been set back since the last.
 */
export function nextClientCount(file: string, now: number): number {
	return withFileLock(file, () => {
		const last = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
		const count = Math.max(now, Number.isSafeInteger(last) ? last + 1 : 0);
		writeAtomically(file, `${count}\n`, { mode: 0o600 });
		return count;
	});
}

/** Creates the check of a node; undefined where no key could be known. */
export function createClientCheck(parts: {
	authorization: Authorization | undefined;
	signing: Config['signing'];
	guard: Pick<ReplayGuard, 'admit' | 'isNew'>;
}): (raw: object, topic: string, called: Called) => Author {
	const { authorization, signing, guard } = parts;

	return (raw, topic, called) => {
		const { signature, ...message } = raw as { signature?: unknown };
		const anonymous: Author = {
			caller: { kind: 'client' },
			message,
			used: () => [],
			isUsed: false,
		};
		if (!authorization || signing === 'off') return anonymous;
		if (signature === undefined) {
			if (signing === 'on' || authorization.access.takesPublic(called)) return anonymous;
			throw new ReeveError('unsigned', `${called.method} on ${topic}`);
		}
		const parsed = signatureField.safeParse(signature);
		if (!parsed.success) throw new ReeveError('bad_signature', 'signature: by, count and value');
		const { by: name, count, value } = parsed.data;
		const owner = { kind: 'client', name } as const;
		if (!authorization.keyring.knows(owner)) throw new ReeveError('unknown_key', name);
		const said = { ...message, signature: { by: name, count } };
		const proof = Buffer.from(value, 'base64url');
		if (!authorization.keyring.verify(owner, textOf(topic, said), proof)) {
			throw new ReeveError('bad_signature', name);
		}
		if (!('id' in message)) throw new ReeveError('bad_message', 'id: a signed message needs one');
		const stream = ['client', name] as const;
		const numbered = { epoch: 0, count };
		return {
			caller: { kind: 'client', name },
			message,
			used: () => guard.admit(stream, numbered) ?? [],
			isUsed: !guard.isNew(stream, numbered),
		};
	};
}

/** What is signed of a message. */
function textOf(topic: string, said: object): Uint8Array {
	return Buffer.from(`reeve json 1\0${topic}\0${canonicalJson(said)}`);
}
