/**
 * The topics of nodes: frames of messages, acknowledgements, births and deaths, and claims of a
 * name; signed or not, at nodes that want no signatures, may have them, and require them.
 *
 * @module
 */
import assert from 'node:assert/strict';
import type { Config } from '../../../runtime/config/config.ts';
import { pack, packMessage, unpack, unpackMessage } from '../../../runtime/message/codec.ts';
import type { Message } from '../../../runtime/message/message.ts';
import { composeReply } from '../../../runtime/message/reply.ts';
import { realClock, turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';
import { frameVersion, packFrames, type Frame } from '../../../runtime/protocol/frame.ts';
import { mutated } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { startFuzzFleet, type FuzzFleet } from '../fuzz-fleet.ts';
import { messages } from '../message-grammar.ts';
import { jsonOf, mutatedTree, treeOf, valueOf } from '../value-mutation.ts';
import { textBeside, type Input, type OpenWay, type Way } from '../way.ts';

const senders = ['ship1', 'ship1', 'ship2', 'ship3', 'central'];
const methods = ['REQPing', 'REQPing', 'REQToFile', 'REQNone', 'thermostat', 'REQHello', 'x'];
const kinds = ['EventACK', 'CommandACK', 'EventNACK', 'CommandNACK'];
const numbers = [0, 1, 2, 3, 10, 1000, 2 ** 31, 2 ** 32, 2 ** 53 - 2, 2 ** 53];

/** A message as it travels, mutated or not. */
function bodyOf(chance: Chance, method: string): unknown {
	const {
		toNode: _one,
		toNodes: _all,
		schedule: _when,
		...fields
	} = chance.pick(messages) as {
		[name: string]: unknown;
	};
	const isReply = chance.happens(0.2);
	const message = {
		methodArgs: [],
		...fields,
		id: chance.pick(['job-1', 'm-1', `m-${chance.below(1e6)}`]),
		fromNode: chance.pick(senders),
		toNode: 'central',
		kind: chance.pick(kinds),
		method,
		...(chance.happens(0.2) ? { askedBy: ['client:alice', 'node:ship2'] } : {}),
		...(chance.happens(0.1) ? { schedule: { every: 3600 } } : {}),
		...(isReply ? { inReplyTo: 'good-1', previousMethod: 'REQPing' } : {}),
		...(isReply ? { result: { outcome: 'done', exitCode: 0, durationMs: 1 } } : {}),
	};
	if (chance.happens(0.4)) return Buffer.from(pack(message));
	const changed = pack(valueOf(mutatedTree(treeOf(message), chance)));
	return chance.happens(0.7) ? changed : mutated(changed, chance);
}

function headOf(chance: Chance) {
	return {
		v: frameVersion,
		from: chance.pick(senders),
		storeId: chance.pick(['store-1', 'store-2', 'a~b', '']),
		epoch: chance.pick([0, 1, 2, 7]),
	};
}

function frameValue(chance: Chance, method: string): object {
	const frame = (): object => {
		const rows = Array.from({ length: chance.below(5) }, () => ({
			id: chance.pick(['job-1', 'm-1', `m-${chance.below(1e6)}`]),
			ttlMs: chance.pick([0, 1000, 1e9, 0.5, 1e300]),
			...(chance.happens(0.1) ? { skip: true } : {}),
			...(chance.happens(0.1) ? { repeat: true } : {}),
			body: bodyOf(chance, method),
		}));
		const lane = `central/${method}/EventACK/${chance.pick(['', '', '7', 'x'])}`;
		return {
			lo: chance.happens(0.7) ? 1 : chance.pick(numbers),
			first: chance.happens(0.5) ? 1 + chance.below(20) : chance.pick(numbers),
			...(chance.happens(0.9) ? { lane } : {}),
			...(chance.happens(0.1) ? { toStoreId: 'another' } : {}),
			rows,
		};
	};
	const count = chance.happens(0.7) ? 1 : chance.below(4);
	return { ...headOf(chance), frames: Array.from({ length: count }, frame) };
}

/** Stands for the id of the node's store, which no input can know. */
const ownStore = 'the store of the node';

function ackValue(chance: Chance): object {
	const lane = (): object => ({
		lane: `${chance.pick(senders)}/REQPing/EventACK/`,
		epoch: chance.pick([0, 1, 2]),
		upTo: chance.pick(numbers),
		id: chance.pick(['out-1', 'm-1', '']),
		credit: chance.pick(numbers),
		...(chance.happens(0.3) ? { except: [[chance.below(9), 'not_allowed']] } : {}),
		...(chance.happens(0.3)
			? { nack: chance.pick(['mailbox_full', 'wrong_store', 'gap', 'x']) }
			: {}),
		...(chance.happens(0.3) ? { retryMs: chance.pick([0, 50, 1e15, 1e300]) } : {}),
	});
	const lanes = Array.from({ length: 1 + chance.below(3) }, lane);
	return { ...headOf(chance), forStoreId: ownStore, lanes };
}

function statusValue(chance: Chance, node: string): object {
	return {
		v: frameVersion,
		state: chance.pick(['online', 'offline']),
		node: chance.happens(0.9) ? node : 'other',
		storeId: chance.pick(['store-1', 'store-2']),
		epoch: chance.pick([0, 1, 2, 2 ** 53]),
		host: 'host',
		methods: ['REQPing', 'REQNone'],
		facts: { role: 'db' },
		key: 'ed25519:abc',
		...(chance.happens(0.1) ? { mode: 'safe' } : {}),
		...(chance.happens(0.3) ? { count: chance.below(9), signature: 'x'.repeat(86) } : {}),
	};
}

function claimValue(chance: Chance): object {
	const type = chance.pick(['claim', 'deny']);
	const about = { node: 'central', storeId: 'store-1', epoch: 1, host: 'host' };
	return { v: frameVersion, type, ...about, process: 'p', to: chance.pick(['p', 'q']) };
}

/** What one of the topics brings, as bytes. */
type Content = (chance: Chance) => { readonly topic: string; readonly bytes: Uint8Array };

const binary = (chance: Chance, value: object): Uint8Array =>
	pack(chance.happens(0.4) ? value : valueOf(mutatedTree(treeOf(value), chance)));
const text = (chance: Chance, value: object): Uint8Array =>
	Buffer.from(jsonOf(chance.happens(0.3) ? treeOf(value) : mutatedTree(treeOf(value), chance)));

const frames: Content = (chance) => {
	const method = chance.pick(methods);
	const topic = `reeve/central/_lane/${method}/${chance.pick(kinds)}`;
	return { topic, bytes: binary(chance, frameValue(chance, method)) };
};
const acks: Content = (chance) => ({
	topic: 'reeve/central/_ack',
	bytes: binary(chance, ackValue(chance)),
});
const presence: Content = (chance) => {
	if (chance.happens(0.3)) {
		return { topic: 'reeve/central/_claim', bytes: text(chance, claimValue(chance)) };
	}
	const node = chance.pick(['ship1', 'ship2', 'ship3', 'central', '__proto__', 'constructor']);
	return { topic: `reeve/${node}/_status`, bytes: text(chance, statusValue(chance, node)) };
};

/** Who signs, if anyone does, and whether it is about the right topic. */
function inputOf(chance: Chance, content: Content): Input {
	const { topic, bytes } = content(chance);
	const isMoved = chance.happens(0.05);
	return {
		bytes: chance.happens(0.1) ? mutated(bytes, chance) : bytes,
		about: {
			topic: isMoved ? chance.pick(['reeve/central/_ack', 'reeve/x', 'reeve/central/']) : topic,
			...(chance.happens(0.6) ? { signer: chance.pick(['ship1', 'ship1', 'ship2']) } : {}),
			...(chance.happens(0.05) ? { flipped: chance.below(2 ** 16) } : {}),
			...(chance.happens(0.03) ? { isRetained: true } : {}),
			...(chance.happens(0.1) ? { isRepeat: true } : {}),
			...(chance.happens(0.2) ? { isOwnMessage: true } : {}),
		},
	};
}

/** The bytes, with the id of the node's store where it is meant. */
function forNode(bytes: Uint8Array, { node }: FuzzFleet): Uint8Array {
	if (!Buffer.from(bytes).includes(ownStore)) return bytes;
	try {
		const value = unpack(bytes) as { forStoreId?: unknown };
		return pack(value.forStoreId === ownStore ? { ...value, forStoreId: node.storeId } : value);
	} catch {
		// It was damaged on its way.
		return bytes;
	}
}

/** The payload that an input stands for. */
function payloadOf(input: Input, fleet: FuzzFleet): Uint8Array {
	const { about } = input;
	const bytes = forNode(input.bytes, fleet);
	const topic = textBeside(input, 'topic') ?? '';
	const signer = fleet.signerOf(textBeside(input, 'signer') ?? '');
	if (!signer) return bytes;
	const payload = Buffer.from(signedBy(signer, topic, bytes));
	const at = Number(about['flipped'] ?? -1) % Math.max(1, payload.length);
	if (at >= 0) payload[at] = (payload[at] ?? 0) ^ 1;
	return payload;
}

type Signer = NonNullable<ReturnType<FuzzFleet['signerOf']>>;

function signedBy(signer: Signer, topic: string, bytes: Uint8Array): Uint8Array {
	if (!/_status$|_claim$/.test(topic)) return signer.sign(topic, bytes);
	try {
		const said: unknown = JSON.parse(Buffer.from(bytes).toString());
		return signer.signJson(topic, Object(said) as object, 1);
	} catch {
		// What is no JSON cannot be signed as such.
		return bytes;
	}
}

/** A node that sends good messages to the one that is fuzzed. */
function goodPeer(fleet: FuzzFleet, node: string) {
	const about = { v: frameVersion, storeId: `store of ${node}`, epoch: 1 } as const;
	const head = { ...about, from: node };
	const birth = { ...about, node, state: 'online', host: 'host', methods: ['REQPing'] };
	const statusTopic = `reeve/${node}/_status`;
	const signed = fleet.signerOf(node)?.signJson(statusTopic, birth, 1);
	const payload = signed ?? Buffer.from(JSON.stringify(birth));
	fleet.wire.listener().packet(statusTopic, payload, { isRetained: true });
	const sent = new Map<string, number>();
	return (method: string, message: Message): void => {
		const lane = `central/${method}/${message.kind}/`;
		const first = (sent.get(lane) ?? 0) + 1;
		sent.set(lane, first);
		const row = { id: message.id, ttlMs: 60_000, body: packMessage(message) };
		const topic = `reeve/central/_lane/${method}/${message.kind}`;
		const content = packFrames(head, [{ lo: first, lane, first, rows: [row] }]);
		fleet.wire.listener().packet(topic, fleet.signAs(node, topic, content));
	};
}

function nodeWay(
	name: string,
	content: Content,
	{ signing, short }: { signing: Config['signing']; short: number },
): Way {
	return {
		name,
		short,
		together: 20,
		input: (chance) => inputOf(chance, content),
		async open(t) {
			const replies = new Map<string, () => void>();
			const sending = new Map<string, Send>();
			const fleet = await startFuzzFleet(t, signing, (frame: Frame, to: string) => {
				for (const { body } of frame.rows) {
					if (!body) continue;
					const message = unpackMessage(body);
					if (message.inReplyTo !== undefined) replies.get(message.inReplyTo)?.();
					else answer(message, sending.get(to));
				}
			});
			for (const node of ['ship1', 'ship9']) sending.set(node, goodPeer(fleet, node));
			return opened(fleet, sending.get('ship9') ?? (() => {}), replies);
		},
	};
}

/** Sends a message to the node. */
type Send = (method: string, message: Message) => void;

/** Answers a message of the node, as done. */
function answer(message: Message, send: Send | undefined): void {
	const run = { result: { outcome: 'done' as const } };
	const parts = { clock: realClock, node: message.toNode, replies: true };
	const reply = composeReply(message, run, parts);
	if (reply) send?.(reply.method, reply);
}

function opened(fleet: FuzzFleet, send: Send, replies: Map<string, () => void>): OpenWay {
	let count = 0;
	return {
		async give(input) {
			const { about } = input;
			const arrival = {
				...(about['isRetained'] ? { isRetained: true } : {}),
				...(about['isRepeat'] ? { isRepeat: true } : {}),
			};
			// Something that an acknowledgement may be about.
			if (about['isOwnMessage']) {
				await fleet.node.api.accept({ toNode: 'ship1', method: 'REQPing' }, 'spec');
			}
			const topic = textBeside(input, 'topic') ?? '';
			fleet.wire.listener().packet(topic, payloadOf(input, fleet), arrival);
			await turnOfTheLoop();
		},
		/** A message from another node that is answered, and one to it whose answer comes back. */
		async good() {
			count += 1;
			const id = `in-${count}`;
			const answered = deferred();
			replies.set(id, answered.resolve);
			send('REQPing', {
				id,
				fromNode: 'ship9',
				toNode: 'central',
				method: 'REQPing',
				kind: 'EventACK',
				methodArgs: [],
				replyMethod: 'REQNone',
			});
			const out = { toNode: 'ship9', method: 'REQPing', id: `out-${count}` };
			const [answer] = await fleet.node.api.accept(out, 'spec');
			assert.ok(answer && 'id' in answer, JSON.stringify(answer));
			let state: unknown;
			const question = { reeve: 'watch', ids: [answer.id] };
			for await (const row of fleet.node.api.ask(question, new AbortController().signal)) {
				state = Reflect.get(Object(row), 'state');
			}
			assert.equal(state, 'done');
			await answered.promise;
			replies.delete(id);
		},
		faults: fleet.faults,
		timers: fleet.timers,
	};
}

/** The topics of nodes, at nodes that sign not, that sign, and that require signatures. */
export const nodeWays: readonly Way[] = [
	nodeWay('lanes', frames, { signing: 'off', short: 140 }),
	nodeWay('lanes-on', frames, { signing: 'on', short: 80 }),
	nodeWay('lanes-required', frames, { signing: 'required', short: 80 }),
	nodeWay('acknowledgements', acks, { signing: 'off', short: 140 }),
	nodeWay('acknowledgements-on', acks, { signing: 'on', short: 60 }),
	nodeWay('presence', presence, { signing: 'off', short: 140 }),
	nodeWay('presence-on', presence, { signing: 'on', short: 60 }),
];
