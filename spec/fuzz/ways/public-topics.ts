/**
 * The public topics of MQTT: messages in JSON and YAML with the properties of MQTT 5, signed in all
 * the ways in which a signature can be right and wrong, at nodes that want none, may have one, and
 * require one.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { configOf, type Config } from '../../../runtime/config/config.ts';
import type { PublicProperties } from '../../../runtime/network/transport.ts';
import { pause, realClock } from '../../../runtime/platform/clock.ts';
import { signAsClient, withSignatureLine } from '../../../runtime/security/client-signature.ts';
import { mutated } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import { startFuzzFleet, type FuzzFleet } from '../fuzz-fleet.ts';
import { messageBytes, messages } from '../message-grammar.ts';
import { sizedBytes } from '../sized.ts';
import { textBeside, type Input, type Way } from '../way.ts';
import { yamlBytes } from '../yaml-grammar.ts';

const { messageBytesMax, messageDepthMax, messageValuesMax } = configOf();
const limits = {
	bytesMax: messageBytesMax,
	depthMax: messageDepthMax,
	valuesMax: messageValuesMax,
};
/** What cannot be taken now is held: so long, until the connection is lost. */
const heldMs = 1000;

/** The topic says where a message goes. */
const publicMessages = messages.map((message) => {
	const { toNode: _one, toNodes: _all, ...others } = message as Record<string, unknown>;
	return others;
});

const methods = [
	'REQPing',
	'REQPing',
	'REQToFile',
	'REQNone',
	'REQRelay',
	'thermostat',
	'ping',
	'x',
	'.',
	'__proto__',
	'REQ Ping',
	'constructor',
	'a'.repeat(128),
	'é',
	'+',
];
const kinds = ['CommandACK', 'EventACK', 'EventACK', 'CommandNACK', 'EventNACK', 'x', ''];
const replyTopics = [
	'me/answers',
	'',
	'#',
	'+',
	'$SYS/x',
	'reeve/central/_ack',
	'reeve/central/REQPing/EventACK',
	'a\0b',
	'\ud800',
	'x'.repeat(1100),
];
/** How a publication is signed. */
const signings = ['none', 'none', 'none', 'line', 'beside', 'line', 'beside', 'both', 'damaged'];

const bodyOf = (chance: Chance): Uint8Array => {
	if (chance.happens(0.006)) return sizedBytes(chance, limits);
	return chance.happens(0.6) ? messageBytes(chance, publicMessages) : yamlBytes(chance);
};

function inputOf(chance: Chance): Input {
	const isUsual = chance.happens(0.6);
	const topic = isUsual
		? 'reeve/central/REQPing/EventACK'
		: `reeve/central/${chance.pick(methods)}/${chance.pick(kinds)}`;
	const about = {
		topic,
		signing: chance.pick(signings),
		...(chance.happens(0.4) ? { responseTopic: chance.pick(replyTopics) } : {}),
		...(chance.happens(0.4) ? { correlation: [...chance.bytes(chance.below(20))] } : {}),
		...(chance.happens(0.05) ? { isRetained: true } : {}),
		...(chance.happens(0.1) ? { isRepeat: true } : {}),
		count: chance.pick([0, 1, 2 ** 53, chance.below(1e6), chance.below(1e6)]),
		...(chance.happens(0.1) ? { noise: [...mutated(Buffer.from('1 alice 7 '), chance)] } : {}),
	};
	return { bytes: bodyOf(chance), about };
}

/** The publication that an input stands for. */
function publicationOf(input: Input, { clientKey }: FuzzFleet) {
	const { bytes, about } = input;
	const topic = textBeside(input, 'topic') ?? '';
	const responseTopic = textBeside(input, 'responseTopic');
	const bytesOf = (name: string): Uint8Array | undefined =>
		about[name] === undefined ? undefined : Buffer.from(about[name] as number[]);
	const correlationData = bytesOf('correlation');
	const properties: PublicProperties = {
		...(responseTopic === undefined ? {} : { responseTopic }),
		...(correlationData ? { correlationData } : {}),
		...(about['isRetained'] ? { isRetained: true } : {}),
		...(about['isRepeat'] ? { isRepeat: true } : {}),
	};
	const signer = { by: 'alice', count: Number(about['count']), key: clientKey };
	const proof = signAsClient(bytes, { topic, ...properties }, signer);
	const line = withSignatureLine(bytes, proof);
	switch (about['signing']) {
		case 'line':
			return { topic, bytes: line, properties };
		case 'beside':
			return { topic, bytes, properties: { ...properties, proof } };
		case 'both':
			return { topic, bytes: line, properties: { ...properties, proof } };
		case 'damaged': {
			const noise = bytesOf('noise') ?? Buffer.from('1 ');
			const head = Buffer.from('reeve-signature: ');
			return { topic, bytes: Buffer.concat([head, noise, line.subarray(20)]), properties };
		}
		default:
			return { topic, bytes, properties };
	}
}

/** The way, at a node with this setting. */
function publicWay(name: string, signing: Config['signing'], short: number): Way {
	return {
		name,
		short,
		together: 20,
		input: inputOf,
		async open(t) {
			const fleet = await startFuzzFleet(t, signing);
			let count = 0;
			const give = async (
				topic: string,
				bytes: Uint8Array,
				properties: PublicProperties,
			): Promise<void> => {
				const gone = new AbortController();
				const over = new AbortController();
				void pause(realClock, heldMs, over.signal).then(() => gone.abort());
				const more = { ...properties, gone: gone.signal };
				await fleet.wire.listener().publicMessage(topic, bytes, more);
				over.abort();
			};
			return {
				async give(input) {
					const { topic, bytes, properties } = publicationOf(input, fleet);
					await give(topic, bytes, properties);
				},
				async good() {
					count += 1;
					const topic = 'reeve/central/REQPing/EventACK';
					const body = Buffer.from(JSON.stringify({ id: `good-${count}` }));
					const responseTopic = `answers/${count}`;
					const around = { topic, responseTopic };
					// Above all that inputs have: a number counts once.
					const numbered = { by: 'alice', count: 2 ** 40 + count, key: fleet.clientKey };
					const proof = signAsClient(body, around, numbered);
					const answer = fleet.wire.next(responseTopic);
					await give(topic, body, { responseTopic, ...(signing === 'off' ? {} : { proof }) });
					assert.match(Buffer.from(await answer).toString(), /"state":"done"/);
				},
				faults: fleet.faults,
				timers: fleet.timers,
			};
		},
	};
}

/** The public topics at nodes that sign not, that sign, and that require signatures. */
export const publicWays: readonly Way[] = [
	publicWay('public', 'off', 140),
	publicWay('public-on', 'on', 80),
	publicWay('public-required', 'required', 80),
];
