/**
 * Plays scenarios on the real `supervisor` of the Erlang/OTP that is installed.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Trace } from './comparison.ts';
import { termOf } from './erlang-terms.ts';
import { patienceMs, type Scenario } from './scenario.ts';

const run = promisify(execFile);
const source = fileURLToPath(new URL('player.erl', import.meta.url));
const quiet = ['-noshell', '-noinput'];

/** Erlang, ready to play. */
export interface ErlangPlayer {
	/** Its release, such as `25`. */
	release(): Promise<string>;
	/** Plays them, so many at a time, since each waits most of its time. */
	play(scenarios: readonly Scenario[], atOnce: number): Promise<ReadonlyMap<number, Trace>>;
}

/** Compiles the player into a folder, where scenarios and traces are kept, too. */
export async function createErlangPlayer(folder: string): Promise<ErlangPlayer> {
	await run('erlc', ['-o', folder, source]);
	let plays = 0;
	return {
		async release() {
			const tell = 'io:put_chars(erlang:system_info(otp_release)), halt().';
			return (await run('erl', [...quiet, '-eval', tell])).stdout;
		},
		async play(scenarios, atOnce) {
			plays += 1;
			const [terms, traces] = ['terms', 'traces'].map((name) => join(folder, `${plays}.${name}`));
			// First those that wait for seconds to pass: then the others need no time of their own.
			const inOrder = scenarios.toSorted((one, other) => Number(other.timed) - Number(one.timed));
			writeFileSync(
				terms!,
				inOrder.map((each) => `${termOf({ ...each, patience: patienceMs(each) })}.\n`).join(''),
			);
			// With one scheduler, what one process causes in others is seen in the order of its causes.
			const words = [...quiet, '+S', '1:1', '+c', 'false', '-pa', folder, '-run', 'player', 'main'];
			await run('erl', [...words, terms!, traces!, String(atOnce)]);
			return tracesIn(readFileSync(traces!, 'utf8'));
		},
	};
}

/** The traces by number: each follows a line with it. */
function tracesIn(text: string): ReadonlyMap<number, Trace> {
	const traces = new Map<number, Trace>();
	for (const part of text.split(/^@/m).slice(1)) {
		const [id, ...lines] = part.split('\n');
		traces.set(
			Number(id),
			lines.filter((line) => line !== '').map((line) => line.trimEnd()),
		);
	}
	return traces;
}
