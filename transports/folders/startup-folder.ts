/**
 * The startup folder: hands in the startup messages of this node, once at every start. A message
 * without a receiver is for this node. A wrong message is refused and reported, and does not stop
 * the others. In safe mode none is taken, because one of them may be what crashes the node.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { asReeveError } from '../../runtime/platform/errors.ts';
import { derivedIdStarts } from '../../runtime/platform/ids.ts';
import { readPayload } from '../../runtime/text/payload.ts';
import { startupFolderOf } from '../../runtime/config/own-folders.ts';
import { listStartup, readStartup } from '../../runtime/message/startup-messages.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';

/** The name of this source in errors and signals. */
const via = 'startup folder';

async function handIn(context: TransportContext, folder: string): Promise<void> {
	const { api, node } = context;
	const epoch = await epochOf(context);
	for (const { name } of await listStartup(folder)) {
		try {
			const { bytes, askedBy } = await readStartup(folder, name);
			const raws = readPayload(bytes, context.config);
			const mark = createHash('sha256').update(name).digest('hex').slice(0, 16);
			for (const [index, raw] of raws.entries()) {
				// The same id within an epoch, so that a restart of this transport sends nothing twice;
				// another id in the next epoch, even if the message names one.
				const id = `${derivedIdStarts.startupFolder}${epoch}:${mark}:${index}`;
				await api.accept(addressed(raw, node), via, { id, askedBy });
			}
		} catch (thrown) {
			const { code, detail } = asReeveError(thrown, 'file_failed');
			api.refuse(code, `${name}: ${detail}`, via);
		}
	}
}

const aboutNode = z.looseObject({ epoch: z.number() });

async function epochOf({ api }: TransportContext): Promise<number> {
	for await (const row of api.ask({ reeve: 'node' }, new AbortController().signal)) {
		return aboutNode.parse(row).epoch;
	}
	return 0;
}

function addressed(raw: unknown, node: string): unknown {
	if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
	const fields = Object.entries(raw).filter(([key]) => key.toLowerCase() !== 'id');
	const hasReceiver = fields.some(([key]) => /^tonodes?$/i.test(key));
	return { ...Object.fromEntries(fields), ...(hasReceiver ? {} : { toNode: node }) };
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const folder = startupFolderOf(context.config);
	if (context.isSafe !== true) {
		try {
			await handIn(context, folder);
		} catch (thrown) {
			const { code, detail } = asReeveError(thrown, 'file_failed');
			context.api.refuse(code, detail, via);
		}
	}
	return { address: folder, stop: () => Promise.resolve() };
}

/** Sends the startup messages; every node has it, because methods may write some at any time. */
export default defineTransport({ name: 'startup-folder', wanted: () => true, start });
