/**
 * Payloads of public topics: JSON or YAML, one message or a list of them, as any MQTT client may
 * publish them.
 *
 * @module
 */
import { readYaml } from './yaml.ts';
import { ReeveError } from '../platform/errors.ts';
import { readJson } from './lenient-json.ts';
import { textOf } from './utf8.ts';

/** The limits of a payload, named as in the configuration. */
export interface PayloadLimits {
	readonly messageBytesMax: number;
	readonly messageDepthMax: number;
	readonly publicMessagesMax: number;
}

/**
 * The messages in a payload, unchecked.
 *
 * JSON, trailing commas included, is read as JSON, and the rest as YAML. So an error names what the
 * YAML reader found, unless the payload begins like JSON.
 *
 * @throws ReeveError `bad_json`, `too_large`, or `bad_message` for what is empty or nested too
 * deeply
 */
export function readPayload(bytes: Uint8Array, limits: PayloadLimits): readonly unknown[] {
	if (bytes.byteLength > limits.messageBytesMax) {
		throw new ReeveError('too_large', `more than ${limits.messageBytesMax} bytes`);
	}
	const value = readValue(bytes);
	if (isDeeper(value, limits.messageDepthMax)) {
		throw new ReeveError('bad_message', `nested deeper than ${limits.messageDepthMax}`);
	}
	const list: readonly unknown[] = Array.isArray(value) ? value : [value];
	if (list.length > limits.publicMessagesMax) {
		throw new ReeveError('too_large', `more than ${limits.publicMessagesMax} messages`);
	}
	return list;
}

function readValue(bytes: Uint8Array): unknown {
	const json = readJson(bytes);
	if (!json) throw new ReeveError('bad_message', 'the payload is empty');
	if (json.type === 'value') return json.value;
	const text = textOf(bytes);
	// YAML accepts nearly any text; a text that begins so was meant as JSON, whose error says more.
	if (/^\s*[[{"]/.test(text) || text.includes('\ufffd')) throw json.error;
	return readYaml(text);
}

/** Whether a value is nested deeper than `max`. Iterative, because the depth is unlimited. */
function isDeeper(value: unknown, max: number): boolean {
	let level: readonly unknown[] = [value];
	for (let depth = 0; level.length > 0; depth += 1) {
		if (depth > max) return true;
		level = level.flatMap((item) =>
			typeof item === 'object' && item !== null ? Object.values(item) : [],
		);
	}
	return false;
}
