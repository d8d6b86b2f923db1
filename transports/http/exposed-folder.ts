/**
 * The data folder over HTTP, read-only, like steward's `exposeDataFolder`: files as they are,
 * folders as lists. It requires a token or client certificates, like every listener.
 *
 * Symbolic links are resolved, and a path that leads out of the data folder is not found. Files
 * whose names begin with a dot are reeve's own, and are not shown.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { readGuard, readListenAddress } from '../sockets/listen-address.ts';

/** The most entries in the list of a folder. */
const entriesMax = 10_000;

/** Files may come from any node, so a browser must not run what is in them. */
const headers = { 'content-security-policy': "default-src 'none'; sandbox" };

/** The answer for a path; throws `not_found` for what is absent or must not be shown. */
async function answerFor(root: string, path: string, isHead: boolean): Promise<Response> {
	const found = await locate(root, path);
	const about = await stat(found);
	if (about.isDirectory()) return listing(found, path);
	// Reading a pipe or a device might never end, or have an effect.
	if (!about.isFile()) throw new ReeveError('not_found', path);
	const length = { 'content-length': String(about.size) };
	const type = { 'content-type': 'application/octet-stream' };
	const answer = { headers: { ...headers, ...type, ...length } };
	if (isHead || about.size === 0) return new Response(null, answer);
	// A file that grows meanwhile is sent up to its former size.
	const stream = createReadStream(found, { end: about.size - 1 });
	return new Response(Readable.toWeb(stream) as ReadableStream<Uint8Array>, answer);
}

async function locate(root: string, path: string): Promise<string> {
	let words: string[];
	try {
		words = path.split('/').map(decodeURIComponent);
	} catch (cause) {
		throw new ReeveError('not_found', path, { cause });
	}
	const isStrange = (word: string) => word.startsWith('.') || /[\\/\0]/.test(word);
	if (words.some(isStrange)) throw new ReeveError('not_found', path);
	const top = await realpath(root);
	const found = await realpath(join(top, ...words)).catch((cause: unknown) => {
		throw new ReeveError('not_found', path, { cause });
	});
	if (found === top || found.startsWith(top + sep)) return found;
	throw new ReeveError('not_found', path);
}

async function listing(folder: string, path: string): Promise<Response> {
	const entries = (await readdir(folder, { withFileTypes: true }))
		.filter(({ name }) => !name.startsWith('.'))
		.map((entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`)
		.toSorted()
		.slice(0, entriesMax);
	const base = path.endsWith('/') ? path : `${path}/`;
	const lines = entries.map((name) => {
		const isFolder = name.endsWith('/');
		const word = encodeURIComponent(isFolder ? name.slice(0, -1) : name);
		return `<a href="${base}${word}${isFolder ? '/' : ''}">${escaped(name)}</a>\n`;
	});
	const body = `<!doctype html><meta charset="utf-8"><pre>\n${lines.join('')}</pre>\n`;
	return new Response(body, { headers: { ...headers, 'content-type': 'text/html' } });
}

function escaped(text: string): string {
	const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
	return text.replaceAll(/[&<>]/g, (mark) => names[mark] ?? mark);
}

async function start({ config, signals }: TransportContext): Promise<RunningTransport> {
	const { createRoutes, startWeb, requestPath } = await import('./web-server.ts');
	const root = resolve(config.subscribersDataFolder);
	await mkdir(root, { recursive: true, mode: 0o700 });
	const routes = createRoutes();
	// HEAD requests come here, too; hono removes the body of the answer.
	routes.get('*', ({ req }) => answerFor(root, requestPath(req.raw), req.method === 'HEAD'));
	const { exposeDataFolder: listen } = config;
	const running = await startWeb({ key: 'exposeDataFolder', listen, config, routes });
	signals.emit('transport.up', { transport: 'exposed-folder', address: running.address });
	return running;
}

/** The transport that serves the data folder; wanted where `exposeDataFolder` is set. */
export default defineTransport({
	name: 'exposed-folder',
	wanted: ({ exposeDataFolder }) => exposeDataFolder !== '',
	async check(config) {
		const at = readListenAddress('exposeDataFolder', config.exposeDataFolder);
		await readGuard('exposeDataFolder', at, config);
	},
	start,
});
