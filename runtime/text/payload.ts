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
	readonly yamlBytesMax: number;
	readonly messageDepthMax: number;
	readonly messageValuesMax: number;
	readonly publicMessagesMax: number;
}

/**
 * The messages in a payload, unchecked.
 *
 * JSON, trailing commas included, is read as JSON, and the rest as YAML. So an error names what the
 * YAML reader found, unless the payload begins like JSON.
 *
 * Any MQTT client may send one, so nothing is parsed that could take long: the depth of JSON and
 * its values are counted before, and YAML, which takes a hundred times longer to parse, has limits
 * of its own and no aliases.
 *
 * @throws ReeveError `bad_json`, `too_large`, or `bad_message` for what is empty or nested too
 * deeply
 */
export function readPayload(bytes: Uint8Array, limits: PayloadLimits): readonly unknown[] {
	if (bytes.byteLength > limits.messageBytesMax) {
		throw new ReeveError('too_large', `more than ${limits.messageBytesMax} bytes`);
	}
	const value = readValue(bytes, limits);
	const list: readonly unknown[] = Array.isArray(value) ? value : [value];
	if (list.length > limits.publicMessagesMax) {
		throw new ReeveError('too_large', `more than ${limits.publicMessagesMax} messages`);
	}
	return list;
}

function readValue(bytes: Uint8Array, limits: PayloadLimits): unknown {
	const first = firstOf(bytes);
	if (first === '') throw new ReeveError('bad_message', 'the payload is empty');
	// YAML accepts nearly any text; one that begins so was meant as JSON.
	const isJson = jsonStarts.has(first);
	if (isJson) checkJson(bytes, limits);
	// What takes longer than JSON has a smaller limit, and is not looked at beyond it.
	else if (bytes.byteLength > limits.yamlBytesMax) {
		const advice = 'send it as JSON, or raise yamlBytesMax';
		throw new ReeveError('too_large', `more than ${limits.yamlBytesMax} bytes of YAML: ${advice}`);
	}
	const json = readJson(bytes);
	if (!json) throw new ReeveError('bad_message', 'the payload is empty');
	if (json.type === 'value') return json.value;
	const text = textOf(bytes);
	if (isJson || text.includes('\ufffd')) throw json.error;
	if ((text.match(yamlSigns)?.length ?? 0) > yamlSignsMax) {
		throw new ReeveError('too_large', 'YAML with too many entries and lines: send it as JSON');
	}
	const value = readYaml(text, { mayAlias: false });
	if (isDeeper(value, limits.messageDepthMax)) throw tooDeep(limits);
	return value;
}

/** What entries, levels and lines of YAML begin or end with. */
const yamlSigns = /[[\]{},\n]|[-?:](?=\s|$)/g;
/** How many of these a text may have: about a thousand entries. */
const yamlSignsMax = 2500;

function tooDeep({ messageDepthMax }: PayloadLimits): ReeveError {
	return new ReeveError('bad_message', `nested deeper than ${messageDepthMax}`);
}

const jsonStarts: ReadonlySet<string> = new Set(['[', '{', '"']);

/** The first character that is no white space, and no byte order mark. */
function firstOf(bytes: Uint8Array): string {
	let at = 0;
	while (at < bytes.length && blank.has(bytes[at] ?? 0)) at += 1;
	return at < bytes.length ? String.fromCharCode(bytes[at] ?? 0) : '';
}

/** White space of JSON, and the bytes of a byte order mark. */
const blank: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n\ufeff'));

const [quote, backslash, openList, closeList, openMap, closeMap, comma] = Buffer.from('"\\[]{},');

/**
 * Counts how deep JSON is nested and how many values it has; reads no further than the limits.
 *
 * @throws ReeveError `bad_message`, `too_large`
 */
function checkJson(bytes: Uint8Array, limits: PayloadLimits): void {
	const { messageDepthMax, messageValuesMax } = limits;
	let depth = 0;
	let values = 1;
	for (let at = 0; at < bytes.length; at += 1) {
		const byte = bytes[at];
		if (byte === quote) at = endOfText(bytes, at + 1);
		else if (byte === comma) values += 1;
		else if (byte === openList || byte === openMap) {
			depth += 1;
			values += 1;
		} else if (byte === closeList || byte === closeMap) depth -= 1;
		if (depth > messageDepthMax) throw tooDeep(limits);
		if (values > messageValuesMax) {
			throw new ReeveError(
				'too_large',
				`more than ${messageValuesMax} values; see messageValuesMax`,
			);
		}
	}
}

/** Where the text ends that begins at a byte. */
function endOfText(bytes: Uint8Array, from: number): number {
	let at = from;
	while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
	return at;
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
