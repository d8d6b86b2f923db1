/**
 * Identifiers: of messages, and of the store that a node keeps them in.
 *
 * @module
 */
import type { Clock } from './clock.ts';

/** Crockford's base 32: no I, L, O or U, so that an id survives being read aloud. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A new message id: 26 characters of base 32, 48 bits of time and 80 random ones, in the layout of
 * ULID, so that ids sort roughly by age and any unique prefix of a few letters names one.
 *
 * The time in it is for people only: no code may rely on it.
 */
export function newId(clock: Pick<Clock, 'now' | 'bytes'>): string {
	const now = Math.max(0, clock.now());
	if (now !== headAt) {
		head = headOf(now);
		headAt = now;
	}
	let tail = '';
	for (const byte of clock.bytes(16)) tail += digits.charAt(byte % 32);
	return head + tail;
}

/** The last encoded time, kept because many ids share a millisecond. */
let head = '';
let headAt = -1;

function headOf(now: number): string {
	let time = now;
	let text = '';
	for (let place = 0; place < 10; place += 1) {
		text = digits.charAt(time % 32) + text;
		time = Math.floor(time / 32);
	}
	return text;
}

/**
 * What the ids begin with that a node makes from something else than chance: of the outcomes that
 * actors wait for, of questions of MQTT clients, of messages in files, and of what a run of a
 * method asks. No caller may choose such an id: what a node finds under one of them is its own.
 */
export const derivedIdStarts = {
	ask: 'ask-',
	question: 'asked-',
	readFolder: 'file:',
	startupFolder: 'startup:',
	run: 'run-',
} as const;

/** Whether an id begins like those that nodes derive. */
export function isDerivedId(id: string): boolean {
	return Object.values(derivedIdStarts).some((start) => id.startsWith(start));
}

/** Whether an id looks like one that {@link newId} has made: no other message will have it. */
export function isNewId(id: string): boolean {
	return /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id);
}

/**
 * A new store identity: 128 random bits in hexadecimal. Created once, with the journal's file.
 */
export function newStoreId(clock: Clock): string {
	return Buffer.from(clock.bytes(16)).toString('hex');
}
