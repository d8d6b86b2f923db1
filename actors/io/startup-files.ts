/**
 * Files of startup messages, for the methods that write, list and remove them.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, makePrivateFolder } from '../../runtime/files/data-folder.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { readPayload } from '../../runtime/text/payload.ts';
import {
	listStartup,
	startupContent,
	startupFileName,
	startupFilesMax,
	type StartupFile,
} from '../../runtime/message/startup-messages.ts';
import { untilSpace } from './full-disk.ts';
import { replaceFile } from './result-file.ts';

/** The limits of one file of startup messages. */
const limits = {
	messageBytesMax: 1_048_576,
	messageDepthMax: 64,
	messageValuesMax: 50_000,
	yamlBytesMax: 16_384,
	publicMessagesMax: startupFilesMax,
} as const;

/**
 * Writes a message's `data` under the name in its arguments, over what was there.
 *
 * @throws ReeveError `bad_name`; `bad_json`, `bad_message`, `too_large` for data without messages
 */
export async function writeStartup(message: Message, context: MethodContext): Promise<void> {
	const { id, methodArgs, data = '' } = message;
	const file = startupFileName(methodArgs[0] ?? '');
	for (const each of readPayload(Buffer.from(data as Uint8Array), limits)) {
		if (typeof each === 'object' && each !== null && !Array.isArray(each)) continue;
		throw new ReeveError('bad_message', 'data: a message is an object');
	}
	const content = startupContent(data, context.askedBy);
	await untilSpace(context, async () => {
		await makePrivateFolder(context.startupFolder).catch((thrown: unknown) => {
			throw fileError(thrown);
		});
		await replaceFile(join(context.startupFolder, file), content, { id, mode: privateMode });
	});
}

/** Only the node, and who administers it, may read and write what it will do. */
const privateMode = 0o600;

/** The files of startup messages. */
export function startupFiles(context: MethodContext): Promise<readonly StartupFile[]> {
	return listStartup(context.startupFolder);
}

/**
 * Removes the file of this name, if it is there.
 *
 * @throws ReeveError `bad_name`, `file_failed`
 */
export async function removeStartup(name: string, context: MethodContext): Promise<void> {
	const path = join(context.startupFolder, startupFileName(name));
	try {
		await rm(path, { force: true });
	} catch (thrown) {
		throw fileError(thrown);
	}
}
