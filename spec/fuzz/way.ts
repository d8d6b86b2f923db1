/**
 * A way in: what inputs it gets, and how they are given to it.
 *
 * @module
 */
import type { TestScope } from '../support/temporary.ts';
import type { Chance } from './chance.ts';

/** An input. What its bytes are, and what the rest means, is for the way to say. */
export interface Input {
	/** Shown when it fails, and made smaller then. */
	readonly bytes: Uint8Array;
	/** Plain data beside the bytes, such as the topic that they are published on. */
	readonly about: Readonly<Record<string, unknown>>;
}

/** A text beside the bytes of an input; undefined if there is none of this name. */
export function textBeside({ about }: Input, name: string): string | undefined {
	const text = about[name];
	return typeof text === 'string' ? text : undefined;
}

/** A way that was opened. */
export interface OpenWay {
	/**
	 * Gives the input, and resolves when it was dealt with: answered, refused, or the connection
	 * ended.
	 *
	 * @throws Error if something becomes of it that must not
	 */
	give(input: Input): Promise<void>;
	/** Sends what is right by the same way; rejects unless it has the right outcome. */
	good(): Promise<void>;
	/** What went wrong since the last call, and no caller was told: crashes, mistakes, restarts. */
	faults(): readonly string[];
	/** How many timers are set. */
	timers?(): number;
}

/** A way in. */
export interface Way {
	readonly name: string;
	/** How many inputs the specs give it. */
	readonly short: number;
	/** How many inputs are given beside one that is good. */
	readonly together: number;
	/** Whether they are given one after the other, because each is dealt with at once. */
	readonly isInTurn?: true;
	/** Makes an input, by chance alone. */
	input(chance: Chance): Input;
	/** Starts what takes the inputs; all of it is gone after `t`. */
	open(t: TestScope): Promise<OpenWay>;
}

const shownMax = 600;

/** An input as text, shortened, so that a person can look at it. */
export function inputText({ bytes, about }: Input): string {
	const raw = Buffer.from(bytes);
	const text = raw.toString('latin1');
	const isPlain = /^[\t\n\r\u0020-\u007e]*$/.test(text);
	const shown = isPlain ? JSON.stringify(text) : `base64 ${raw.toString('base64')}`;
	const cut = shown.length > shownMax ? `${shown.slice(0, shownMax)}…` : shown;
	const rest = JSON.stringify(about);
	return `${bytes.length} bytes: ${cut}${rest === '{}' ? '' : `\nwith ${rest.slice(0, shownMax)}`}`;
}
