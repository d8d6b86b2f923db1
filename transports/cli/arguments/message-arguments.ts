/**
 * The words of `reeve send` as a message: the method, its fields as `key=value`, and after `--` the
 * arguments of the method.
 *
 * @module
 */
import type { z } from 'zod';
import { messageInput } from '../../../runtime/message/message.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { nearestWord } from '../../../runtime/text/spelling.ts';

/** The words of a message, by their role. */
export interface MessageWords {
	readonly method: string;
	/** `key=value`. */
	readonly fields: readonly string[];
	readonly to: readonly string[];
	readonly args: readonly string[] | undefined;
}

const fieldNames = Object.keys(messageInput.shape);

/**
 * The message. Text becomes a number or a list where the field needs one; the values are checked by
 * the node.
 *
 * @throws ReeveError `bad_arguments` for a word that is no field; `no_destination`
 */
export function messageOf({ method, fields, to, args }: MessageWords): Record<string, unknown> {
	const message: Record<string, unknown> = { method };
	for (const word of fields) {
		const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
		message[fieldOf(key, word)] = valueOf(fieldOf(key, word), value);
	}
	if (args) message['methodArgs'] = args;
	if (to.length === 1) [message['toNode']] = to;
	else if (to.length > 1) message['toNodes'] = to;
	if (message['toNode'] === undefined && message['toNodes'] === undefined) {
		throw new ReeveError('no_destination', 'name the receiver: --to NODE[,NODE]');
	}
	return message;
}

function fieldOf(key: string, word: string): string {
	if (key === '') {
		const advice = 'fields are key=value; arguments of the method follow after --';
		throw new ReeveError('bad_arguments', `${JSON.stringify(word)} is no field: ${advice}`);
	}
	const known = fieldNames.find((name) => name.toLowerCase() === key.toLowerCase());
	if (known !== undefined) return known;
	const guess = nearestWord(key, fieldNames);
	const advice = guess === undefined ? '' : `; did you mean ${guess}?`;
	throw new ReeveError('bad_arguments', `a message has no field ${key}${advice}`);
}

/** The text, or the number or list that the field's schema accepts instead. */
function valueOf(field: string, text: string): unknown {
	const schema: z.ZodType | undefined = Object.entries(messageInput.shape).find(
		([name]) => name === field,
	)?.[1];
	if (!schema || schema.safeParse(text).success) return text;
	const number = text.trim() === '' ? Number.NaN : Number(text);
	if (schema.safeParse(number).success) return number;
	const list = text.split(',');
	if (schema.safeParse(list).success) return list;
	return Number.isNaN(number) ? text : number;
}
