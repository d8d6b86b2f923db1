/**
 * Fetching a web page, as several methods do.
 *
 * @module
 */
import { z } from 'zod';
import type { MethodContext } from '../../runtime/method/method.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import { requestPage } from './http-client.ts';
import { contentOf } from './text-content.ts';
import type { Output } from '../../runtime/message/reply.ts';

const protocols = new Set(['http:', 'https:', 'data:']);

/** An address that can be fetched. */
export const pageUrl = z
	.string()
	.refine(
		(text) => URL.canParse(text) && protocols.has(new URL(text).protocol),
		'the address must begin with http:// or https://',
	);

/**
 * Fetches a page with GET, following up to `redirectsMax` redirects. The output is its body, as
 * text if it is UTF-8.
 *
 * A body beyond `outputBytesMax` is cut off there and has failed, so an endless one does no harm.
 * No connection is kept open. If its time is over, the output up to then is kept, with the code
 * `timed_out`.
 *
 * @throws ReeveError `host_unreachable`; `http_failed` for any status but 200, and for redirects
 * without end; the reason of the signal, unless that is `timed_out`
 */
export async function fetchPage(url: string, context: MethodContext): Promise<Output> {
	const { signal, timeoutMs, outputBytesMax } = context;
	const { redirectsMax } = context.limits;
	const chunks: Uint8Array[] = [];
	try {
		const response = await requestPage({ url, signal, redirectsMax });
		if (response.status !== 200) {
			response.close();
			throw new ReeveError('http_failed', `${response.status} ${response.statusText}`.trim());
		}
		const isCut = await collect(response.body, chunks, outputBytesMax);
		const data = contentOf(Buffer.concat(chunks), isCut);
		if (!isCut) return { data };
		return { data, code: 'output_too_large', detail: `more than ${outputBytesMax} bytes` };
	} catch (thrown) {
		if (!signal.aborted) throw thrown;
		const reason = asReeveError(signal.reason, 'cancelled');
		if (reason.code !== 'timed_out') throw reason;
		const kept = chunks.length > 0 ? { data: contentOf(Buffer.concat(chunks), true) } : {};
		return { ...kept, code: 'timed_out', detail: `after ${timeoutMs} ms` };
	}
}

/** Collects a body up to `bytesMax`; true if there was more. */
export async function collect(
	body: AsyncIterable<Uint8Array>,
	chunks: Uint8Array[],
	bytesMax: number,
): Promise<boolean> {
	let left = bytesMax;
	// Leaving the loop early ends the body, and with it the connection.
	for await (const chunk of body) {
		chunks.push(chunk.subarray(0, left));
		if (chunk.length > left) return true;
		left -= chunk.length;
	}
	return false;
}
