/**
 * Talking to a node that may be dead, frozen or just being born: every question has an end.
 *
 * @module
 */
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock } from '../../runtime/platform/clock.ts';

/** How long a node may be silent before it is taken for dead. */
const patienceMs = 15_000;

/**
 * Writes JSON to a socket, and returns the lines that came back before the node ended, or died, or
 * said nothing more.
 */
export function talk(socket: string, text: string, clock: Clock): Promise<readonly object[]> {
	return new Promise((resolve) => {
		const lines: object[] = [];
		const connection = createConnection(socket, () => connection.write(text));
		let timer = clock.after(patienceMs, () => connection.destroy());
		connection.on('error', () => connection.destroy());
		createInterface({ input: connection })
			.on('line', (line) => {
				timer.cancel();
				timer = clock.after(patienceMs, () => connection.destroy());
				const value: unknown = JSON.parse(line);
				if (typeof value !== 'object' || value === null) return;
				if ('end' in value) connection.end();
				else lines.push(value);
			})
			.on('error', () => connection.destroy());
		connection.once('close', () => {
			timer.cancel();
			resolve(lines);
		});
	});
}

/** Asks for rows. Undefined: the node did not answer, or only in part. */
export async function ask<Row>(
	socket: string,
	question: object,
	clock: Clock,
): Promise<readonly Row[] | undefined> {
	const lines = await talk(socket, `${JSON.stringify(question)}\n`, clock);
	const rows = lines.flatMap((line) => ('row' in line ? [line.row as Row] : []));
	return rows.length === lines.length && rows.length > 0 ? rows : undefined;
}
