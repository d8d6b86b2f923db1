/**
 * HTTP: requests as bytes on a connection, alone or one after the other.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { configOf } from '../../../runtime/config/config.ts';
import http from '../../../transports/http/http.ts';
import { mutated, spliced } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { startFuzzNode } from '../fuzz-node.ts';
import { messageBytes } from '../message-grammar.ts';
import { sizedBytes } from '../sized.ts';
import type { Way } from '../way.ts';
import { yamlBytes } from '../yaml-grammar.ts';
import { converse, writingOf } from './stream-client.ts';

const { messageBytesMax, messageDepthMax, messageValuesMax } = configOf();
const limits = {
	bytesMax: messageBytesMax,
	depthMax: messageDepthMax,
	valuesMax: messageValuesMax,
};
/** How long a request without an end may keep its connection here; an answer is there by then. */
const stayMs = 250;

const targets = [
	'/messages',
	'/messages?wait=1&timeout=0',
	'/messages?wait=1&timeout=0.05',
	'/messages?wait=x&timeout=-1',
	'/healthz',
	'/livez',
	'/api/nodes',
	'/api/methods?limit=2',
	'/api/messages?limit=99999999999999999999',
	'/api/messages/job-1',
	'/api/messages/%00%ff%c0',
	'/api/messages/..%2f..%2f',
	'/api/dead',
	'/api/tree',
	'/api/processes',
	'/metrics',
	'/events?node=central&lastEventId=central:1:x',
	'/events?message=job-1',
	'//evil/messages',
	'http://127.0.0.1/messages',
	'*',
	'/messages#x',
	'/%',
	`/${'a'.repeat(9000)}`,
];

const headers: readonly (readonly [string, string])[] = [
	['Content-Type', 'application/json'],
	['Content-Type', 'text/plain; charset=utf-16'],
	['Origin', 'http://evil.example'],
	['Origin', 'null'],
	['Origin', 'http://['],
	['Sec-Fetch-Site', 'cross-site'],
	['Authorization', 'Bearer x'],
	['Expect', '100-continue'],
	['Connection', 'keep-alive'],
	['Connection', 'upgrade'],
	['Upgrade', 'websocket'],
	['Last-Event-ID', '-1'],
	['Last-Event-ID', '\u00ff'],
	['Transfer-Encoding', 'gzip, chunked'],
	['Content-Encoding', 'gzip'],
	['X', 'y'.repeat(9000)],
	['Host', 'localhost:1'],
	['Cookie', ';;;=,'],
	['Accept', '*/*;q=NaN'],
];

function bodyOf(chance: Chance): Uint8Array {
	if (chance.happens(0.01)) return sizedBytes(chance, limits);
	return chance.happens(0.75) ? messageBytes(chance) : yamlBytes(chance);
}

function chunked(body: Uint8Array, chance: Chance): Uint8Array {
	const parts: Uint8Array[] = [];
	for (let at = 0; at < body.length;) {
		const part = body.subarray(at, at + 1 + chance.below(Math.max(40, body.length / 2)));
		const extension = chance.happens(0.1) ? ';a="b"' : '';
		parts.push(Buffer.from(`${part.length.toString(16)}${extension}\r\n`), part);
		parts.push(Buffer.from('\r\n'));
		at += part.length;
	}
	parts.push(Buffer.from(chance.happens(0.2) ? '0\r\nTrailer: x\r\n\r\n' : '0\r\n\r\n'));
	return Buffer.concat(parts);
}

/** A request with a body. */
function messageRequest(chance: Chance): Uint8Array {
	const target = chance.happens(0.7) ? chance.pick(targets.slice(0, 4)) : chance.pick(targets);
	const body = bodyOf(chance);
	const isChunked = chance.happens(0.3);
	const said = body.length + (chance.happens(0.1) ? 1 : 0);
	const length = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${said}`;
	const head = headBytes(chance, ['POST', target], [length]);
	return Buffer.concat([head, isChunked ? chunked(body, chance) : body]);
}

const methods = ['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'BREW'];

function headBytes(
	chance: Chance,
	words: readonly string[],
	more: readonly string[] = [],
): Uint8Array {
	const version = chance.happens(0.9) ? 'HTTP/1.1' : 'HTTP/1.0';
	const lines = [[...words, version].join(' '), 'Host: 127.0.0.1', ...more];
	while (chance.happens(0.35)) lines.push(chance.pick(headers).join(': '));
	return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function requestBytes(chance: Chance): Uint8Array {
	const whole = chance.happens(0.6)
		? messageRequest(chance)
		: headBytes(chance, [chance.pick(methods), chance.pick(targets)]);
	return chance.happens(0.25) ? mutated(whole, chance) : whole;
}

/** The HTTP listener. */
export const httpWay: Way = {
	name: 'http',
	short: 84,
	together: 12,
	input(chance) {
		const count = chance.happens(0.7) ? 1 : 1 + chance.below(5);
		let bytes: Uint8Array = Buffer.concat(
			Array.from({ length: count }, () => requestBytes(chance)),
		);
		if (chance.happens(0.03)) bytes = spliced(bytes, requestBytes(chance), chance);
		return { bytes, about: { ...writingOf(chance, bytes.length) } };
	},
	async open(t) {
		const fuzzNode = await startFuzzNode(t, [http], { httpListener: '127.0.0.1:0' });
		const { hostname, port } = new URL(fuzzNode.address('http'));
		const where = { host: hostname, port: Number(port) };
		return {
			async give(input) {
				const answer = await converse(where, input, { stayMs });
				assert.doesNotMatch(answer, /"error":"internal"/);
				assert.doesNotMatch(answer, /(?:^|\r\n\r\n)HTTP\/1\.1 500 /);
			},
			async good() {
				const body = '{"toNode":"central","method":"REQPing"}';
				const lines = [
					'POST /messages?wait=1 HTTP/1.1',
					'Host: 127.0.0.1',
					'Connection: close',
					`Content-Length: ${body.length}`,
				];
				const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
				const answer = await converse(
					where,
					{ bytes, about: { leaving: 'stay' } },
					{ stayMs: 80_000 },
				);
				assert.match(answer, /^HTTP\/1\.1 200 [^]*"state":"done"/);
			},
			faults: fuzzNode.faults,
			timers: fuzzNode.timers,
		};
	},
};
