/**
 * The control socket of `reeve dev`: over it `reeve dev start ship2`, typed in another terminal,
 * reaches the running fleet. It answers like a node's socket: rows and an end, or an error.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { withPrivateMask } from '../../../runtime/files/atomic-file.ts';
import { asReeveError, ReeveError } from '../../../runtime/platform/errors.ts';
import { allRows, createClient, type ControlRequest } from '../client/socket-client.ts';

/** The result as a line of text. */
interface ControlRow {
	readonly text: string;
}

function controlPath(folder: string): string {
	return join(folder, 'dev.control');
}

/** Sends a request to the fleet of this folder, and resolves with the result as text. */
export async function askFleet(folder: string, request: ControlRequest): Promise<string> {
	const rows = await allRows(createClient(controlPath(folder)).ask<ControlRow>(request));
	return rows.map(({ text }) => `${text}\n`).join('');
}

/**
 * Opens the control socket of a folder. The result closes it.
 *
 * @throws ReeveError `address_in_use` if another fleet runs in this folder
 */
export async function openControl(
	folder: string,
	act: (request: ControlRequest) => Promise<string>,
): Promise<() => Promise<void>> {
	const path = controlPath(folder);
	const isTaken = await askFleet(folder, { action: 'start', member: '' }).then(
		() => true,
		(thrown: unknown) => asReeveError(thrown).code !== 'no_node',
	);
	if (isTaken) throw new ReeveError('address_in_use', `another reeve dev runs in ${folder}`);
	await rm(path, { force: true });
	const clients = new Set<Socket>();
	const server = createServer((socket) => {
		clients.add(socket);
		socket.once('close', () => clients.delete(socket));
		const hangUp = () => socket.destroy();
		socket.on('error', hangUp);
		const write = (value: object) => void socket.write(`${JSON.stringify(value)}\n`);
		// It reports the errors of its input a second time, and unheard they would end the fleet.
		const lines = createInterface({ input: socket }).on('error', hangUp);
		lines.on('line', (line) => {
			answer(line, act).then(
				(text) => {
					write({ row: { text } });
					write({ end: true });
				},
				(thrown: unknown) => {
					const { code, detail } = asReeveError(thrown);
					write({ error: code, detail });
				},
			);
		});
	});
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		withPrivateMask(() => server.listen(path, resolve));
	});
	return async () => {
		const closed = new Promise((resolve) => server.close(resolve));
		for (const client of clients) client.destroy();
		await closed;
	};
}

async function answer(
	line: string,
	act: (request: ControlRequest) => Promise<string>,
): Promise<string> {
	const request = { action: '', member: '', ...(JSON.parse(line) as object) };
	const { action, member } = request;
	if (action !== 'start' && action !== 'stop')
		throw new ReeveError('bad_usage', `action ${action}`);
	return act({ action, member });
}
