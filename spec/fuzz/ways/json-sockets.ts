/**
 * The unix socket and TCP: messages and questions as JSON, one after the other or in an array.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetConnectOpts } from 'node:net';
import { configOf } from '../../../runtime/config/config.ts';
import tcp from '../../../transports/sockets/tcp.ts';
import unixSocket from '../../../transports/sockets/unix-socket.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { mutated } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { startFuzzNode, type FuzzNode } from '../fuzz-node.ts';
import { messageBytes, messages, questions } from '../message-grammar.ts';
import { sizedBytes } from '../sized.ts';
import type { Input, OpenWay, Way } from '../way.ts';
import { converse, writingOf } from './stream-client.ts';

const { messageBytesMax, messageDepthMax, messageValuesMax } = configOf();
const limits = {
	bytesMax: messageBytesMax,
	depthMax: messageDepthMax,
	valuesMax: messageValuesMax,
};
/** How long a client waits for its answer, at most. */
const stayMs = 80_000;
const token = 'token-of-the-specs';
const greeting = Buffer.from(`${JSON.stringify({ token })}\n`);

function valueBytes(chance: Chance): Uint8Array {
	if (chance.happens(0.01)) return sizedBytes(chance, limits);
	return messageBytes(chance, chance.happens(0.7) ? messages : questions);
}

/** One value or several, with something or nothing between them. */
function streamBytes(chance: Chance): Uint8Array {
	const count = chance.happens(0.6) ? 1 : chance.below(12);
	const separator = chance.pick(['\n', '', '\0', ' ', ',', '\r\n']);
	const parts = Array.from({ length: count }, () => Buffer.from(valueBytes(chance)));
	const all = Buffer.concat(parts.flatMap((part) => [part, Buffer.from(separator)]));
	if (chance.happens(0.2)) return Buffer.concat([Buffer.from('['), all, Buffer.from(']')]);
	return all;
}

function inputOf(chance: Chance, head: Uint8Array): Input {
	const bytes = Buffer.concat([head, streamBytes(chance)]);
	const writing = writingOf(chance, bytes.length);
	// A question may be answered without an end, which only a client that leaves sees the end of.
	const leaving = writing.leaving === 'stay' ? 'half' : writing.leaving;
	return { bytes, about: { ...writing, leaving } };
}

/** What a client may be told: JSON in lines, and never that reeve has made a mistake. */
function checkLines(answer: string): void {
	for (const line of answer.split('\n').filter(Boolean)) {
		const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
		const keys = ['id', 'error', 'row', 'end'];
		assert.ok(
			keys.some((key) => key in value),
			`no answer: ${line.slice(0, 300)}`,
		);
		assert.notEqual(value['error'], 'internal', line.slice(0, 1000));
	}
}

function opened(fuzzNode: FuzzNode, where: NetConnectOpts, head: Uint8Array): OpenWay {
	let count = 0;
	return {
		async give(input) {
			const answer = await converse(where, input, { stayMs });
			// A connection that the client breaks may end in the middle of a line.
			if (input.about['leaving'] === 'half') checkLines(Buffer.from(answer, 'latin1').toString());
		},
		async good() {
			count += 1;
			const id = `good-${count}`;
			const message = { toNode: 'central', method: 'REQPing', id };
			const bytes = Buffer.concat([head, Buffer.from(JSON.stringify(message))]);
			const outcome = fuzzNode.outcome(id);
			const answer = await converse(where, { bytes, about: {} }, { stayMs });
			assert.match(answer, new RegExp(`"id":"${id}"`), answer);
			assert.equal(await outcome, 'done', id);
		},
		faults: fuzzNode.faults,
		timers: fuzzNode.timers,
	};
}

/** The unix socket. */
export const unixSocketWay: Way = {
	name: 'unix-socket',
	short: 80,
	together: 10,
	input: (chance) => inputOf(chance, Buffer.alloc(0)),
	async open(t) {
		const fuzzNode = await startFuzzNode(t, [unixSocket]);
		const path = fuzzNode.address('unix-socket');
		return opened(fuzzNode, { path }, Buffer.alloc(0));
	},
};

/** TCP with a token; some clients have another one, or none. */
export const tcpWay: Way = {
	name: 'tcp',
	short: 60,
	together: 10,
	input(chance) {
		if (chance.happens(0.8)) return inputOf(chance, greeting);
		return inputOf(chance, chance.happens(0.5) ? mutated(greeting, chance) : Buffer.alloc(0));
	},
	async open(t) {
		const tokenFile = join(temporaryFolder(t), 'token');
		writeFileSync(tokenFile, token);
		const fuzzNode = await startFuzzNode(t, [tcp], {
			tcpListener: '127.0.0.1:0',
			listenerTokenFile: tokenFile,
		});
		const { hostname, port } = new URL(`tcp://${fuzzNode.address('tcp').replace(/^\w+:\/\//, '')}`);
		return opened(fuzzNode, { host: hostname, port: Number(port) }, greeting);
	},
};
