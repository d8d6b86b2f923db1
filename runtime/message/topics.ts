/**
 * Names and topics: who is called what, and where on the broker a message for it is published.
 *
 * ```
 * <prefix>/<node>/<method>/<kind>         public: any MQTT client publishes JSON here
 * <prefix>/<node>/_lane/<method>/<kind>   frames between nodes (binary, many messages in one
 * PUBLISH) <prefix>/<node>/_ack                    acknowledgements and refusals
 * <prefix>/<node>/_status                 retained birth and, by the will, death
 * <prefix>/<node>/_claim                  claims of the name, and objections to them
 * ```
 *
 * @module
 */
import { ReeveError } from '../platform/errors.ts';

/**
 * The kinds of message, in steward's words; the NACK kinds want no acknowledgement: at most once.
 */
export const kinds = ['CommandACK', 'CommandNACK', 'EventACK', 'EventNACK'] as const;

/** One of {@link kinds}. */
export type Kind = (typeof kinds)[number];

/** Whether messages of this kind are acknowledged, and so settled exactly once. */
export function isAcknowledged(kind: Kind): boolean {
	return kind === 'CommandACK' || kind === 'EventACK';
}

/** Letters, digits, dot, dash and underscore, not starting with an underscore, not only dots. */
const nameGrammar = /^(?!\.+$)(?!_)[A-Za-z0-9._-]{1,128}$/;

/**
 * Whether `name` may be a node or a method. Topics give `/`, `+` and `#` a meaning, paths give one
 * to `/` and `..`, and a leading `_` is ours; a name is part of topics and of paths, so none may
 * occur.
 */
export function isName(name: string): boolean {
	return nameGrammar.test(name);
}

/** Returns `name`, or throws `bad_name` with `what` it should have named. */
export function checkName(what: string, name: string): string {
	if (isName(name)) return name;
	throw new ReeveError('bad_name', `${what} ${JSON.stringify(name.slice(0, 150))}`);
}

/** The longest key. */
const keyMax = 128;

/**
 * Whether `key` may be the key of messages and instances. It becomes part of keys on disk, which
 * cannot hold a NUL, and in which all halves of surrogate pairs are the same.
 */
export function isKey(key: string): boolean {
	return key.length <= keyMax && !key.includes('\0') && key.isWellFormed();
}

/** Returns `key`, or throws `bad_name`. */
export function checkKey(key: string): string {
	if (isKey(key)) return key;
	const why = `at most ${keyMax} letters, without NUL and halves of surrogate pairs`;
	throw new ReeveError('bad_name', `key ${JSON.stringify(key.slice(0, 150))}: ${why}`);
}

/** A topic of reeve's grammar, taken apart. */
export type Topic =
	| { readonly part: 'public' | 'lane'; node: string; method: string; kind: Kind }
	| { readonly part: 'ack' | 'status' | 'claim'; node: string };

/** The topic as text. An empty prefix leaves no leading slash. */
export function formatTopic(prefix: string, topic: Topic): string {
	const root = prefix === '' ? topic.node : `${prefix}/${topic.node}`;
	switch (topic.part) {
		case 'public':
			return `${root}/${topic.method}/${topic.kind}`;
		case 'lane':
			return `${root}/_lane/${topic.method}/${topic.kind}`;
		case 'ack':
			return `${root}/_ack`;
		case 'status':
			return `${root}/_status`;
		case 'claim':
			return `${root}/_claim`;
	}
}

/** Takes a topic apart; undefined for anything that is not of the grammar above. */
export function parseTopic(prefix: string, text: string): Topic | undefined {
	const head = prefix === '' ? '' : `${prefix}/`;
	if (!text.startsWith(head)) return undefined;
	const [node = '', ...rest] = text.slice(head.length).split('/');
	if (!isName(node)) return undefined;
	if (rest.length === 1) return ofNode(node, rest[0]);
	return rest[0] === '_lane'
		? ofMethod('lane', node, rest.slice(1))
		: ofMethod('public', node, rest);
}

function ofNode(node: string, part: string | undefined): Topic | undefined {
	if (part === '_ack') return { part: 'ack', node };
	if (part === '_claim') return { part: 'claim', node };
	return part === '_status' ? { part: 'status', node } : undefined;
}

function ofMethod(part: 'public' | 'lane', node: string, rest: string[]): Topic | undefined {
	const [method = '', kind = ''] = rest;
	const isWhole = rest.length === 2 && isName(method) && isKind(kind);
	return isWhole ? { part, node, method, kind } : undefined;
}

/** What a node subscribes to: its own public topics. MQTT's `+` stands for method and kind. */
export function publicFilter(prefix: string, node: string): string {
	return prefix === '' ? `${node}/+/+` : `${prefix}/${node}/+/+`;
}

/**
 * What a node subscribes to: frames, acknowledgements, claims of its name, and presence. Its own
 * presence lets it contradict a death that comes too late. It hears the presence of all nodes, or
 * only of those that it asks for by name: where all hear of all, N starts are N * N packets.
 */
export function nodeFilters(
	prefix: string,
	node: string,
	presence: 'all' | 'asked' = 'all',
): readonly string[] {
	const head = prefix === '' ? '' : `${prefix}/`;
	const own = ['_lane/+/+', '_ack', '_claim'].map((part) => `${head}${node}/${part}`);
	return [...own, `${head}${presence === 'all' ? '+' : node}/_status`];
}

/** Whether `text` is one of {@link kinds}. */
export function isKind(text: string): text is Kind {
	return (kinds as readonly string[]).includes(text);
}

/** The longest topic, in bytes; MQTT itself takes 65 535. */
const topicBytesMax = 1024;

/**
 * Refuses a topic that no outcome may be published on: a pattern, a topic of the broker's own, or
 * one on which nodes listen. Else a client that may command one node could make it speak to another
 * in its name.
 *
 * @throws ReeveError `bad_message`
 */
export function checkReplyTopic(prefix: string, topic: string): void {
	const why = faultOf(prefix, topic);
	if (why) throw new ReeveError('bad_message', `replyTopic ${topic.slice(0, 100)}: ${why}`);
}

/** Whether an outcome may be published on this topic. */
export function isReplyTopic(prefix: string, topic: string): boolean {
	return faultOf(prefix, topic) === undefined;
}

/**
 * Refuses what is no topic to publish on: a broker would end the connection of the node for it.
 *
 * @throws ReeveError `bad_name`
 */
export function checkTopic(topic: unknown): asserts topic is string {
	const why = typeof topic === 'string' ? shapeProblemOf(topic) : 'it is no text';
	if (why) throw new ReeveError('bad_name', `topic ${String(topic).slice(0, 100)}: ${why}`);
}

function shapeProblemOf(topic: string): string | undefined {
	if (topic === '') return 'it is empty';
	if (/[+#\0]/.test(topic)) return 'no + and no #';
	if (!topic.isWellFormed()) return 'it has half a surrogate pair';
	if (topic.startsWith('$')) return 'it is a topic of the broker';
	const isLong = Buffer.byteLength(topic) > topicBytesMax;
	return isLong ? `longer than ${topicBytesMax} bytes` : undefined;
}

function faultOf(prefix: string, topic: string): string | undefined {
	const problem = shapeProblemOf(topic);
	if (problem) return problem;
	const head = prefix === '' ? '' : `${prefix}/`;
	const parts = topic.startsWith(head) ? topic.slice(head.length).split('/') : [];
	const isOurs = parts[1]?.startsWith('_') === true || parseTopic(prefix, topic) !== undefined;
	return isOurs ? 'nodes listen there' : undefined;
}
