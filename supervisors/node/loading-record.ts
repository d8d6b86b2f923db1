/**
 * Counts the starts of a node that died while they loaded its programs, which may not end. The
 * journal cannot count these: it is opened last, because that ends the process that has it open.
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../runtime/platform/clock.ts';

/** What {@link beginLoading} returns. */
export interface Loading {
	/** How many starts died in it within the period, this one not included. */
	readonly deaths: number;
	/** The programs are loaded, or refused: it is over, whatever came before. */
	end(): void;
}

/**
 * Notes in a file that a start begins to load programs. Where it cannot be written nothing is
 * counted; the start will fail for the same reason.
 */
export function beginLoading(path: string, clock: Clock, periodMs: number): Loading {
	const now = clock.now();
	const earlier = read(path).filter((at) => Math.abs(now - at) <= periodMs);
	try {
		// As private as the journal makes it.
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		writeFileSync(path, JSON.stringify([...earlier, now]), { mode: 0o600 });
	} catch {
		return { deaths: earlier.length, end() {} };
	}
	return { deaths: earlier.length, end: () => rmSync(path, { force: true }) };
}

function read(path: string): readonly number[] {
	try {
		const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
		return Array.isArray(found) ? found.map(Number).filter(Number.isFinite) : [];
	} catch {
		// There is none, or it was not written to its end.
		return [];
	}
}
