/**
 * Reply addresses: the MQTT topics on which outcomes are published for whoever has no node of its
 * own.
 *
 * @module
 */
import { parseTopic } from './topics.ts';
import { ReeveError } from '../platform/errors.ts';

/** The longest topic, in bytes; MQTT itself takes 65 535. */
const topicBytesMax = 1024;

/**
 * Refuses a topic that no outcome may be published on: a pattern, a topic of the broker's own, or
 * one on which nodes listen. Else whoever may command one node could make it speak to another in
 * its name.
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

function faultOf(prefix: string, topic: string): string | undefined {
	if (topic === '') return 'it is empty';
	if (/[+#\0]/.test(topic)) return 'no + and no #';
	if (topic.startsWith('$')) return 'it is a topic of the broker';
	if (Buffer.byteLength(topic) > topicBytesMax) return `longer than ${topicBytesMax} bytes`;
	const head = prefix === '' ? '' : `${prefix}/`;
	const parts = topic.startsWith(head) ? topic.slice(head.length).split('/') : [];
	const isOurs = parts[1]?.startsWith('_') === true || parseTopic(prefix, topic) !== undefined;
	return isOurs ? 'nodes listen there' : undefined;
}
