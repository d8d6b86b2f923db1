/**
 * The step that makes an HTTP request.
 *
 * @module
 */
import { z } from 'zod';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { requestPage } from '../io/http-client.ts';
import { collect, pageUrl } from '../io/http-get.ts';
import { contentOf } from '../io/text-content.ts';
import { textOf } from './values.ts';
import type { StepContext } from '../definition/step.ts';

const requestInput = z.object({
	url: pageUrl,
	method: z.string().default('GET'),
	headers: z.record(z.string(), z.unknown()).default({}),
	data: z.unknown().optional(),
});

/** The response to a request. */
export interface Response {
	readonly status: number;
	readonly data: string | Uint8Array;
}

/**
 * Makes a request. It carries the idempotency key of its step as `Idempotency-Key`, so that a
 * server can recognise a repetition after a crash.
 *
 * @throws ReeveError `bad_arguments`, `host_unreachable`, `output_too_large`; `http_failed` for a
 * status from 400 on, and for redirects without end
 */
export async function requestStep(
	given: unknown,
	{ signal, idempotencyKey }: StepContext,
	limits: { readonly bytesMax: number; readonly redirectsMax: number },
): Promise<Response> {
	const parsed = requestInput.safeParse(given);
	if (!parsed.success) throw new ReeveError('bad_arguments', z.prettifyError(parsed.error));
	const { url, method, headers, data } = parsed.data;
	const sent = Object.entries(headers).map(([name, held]): [string, string] => [
		name,
		textOf(held),
	]);
	const type = data === undefined || typeof data === 'string' ? 'text/plain' : 'application/json';
	const response = await requestPage({
		url,
		method,
		signal,
		headers: {
			'idempotency-key': idempotencyKey,
			...(data === undefined ? {} : { 'content-type': type }),
			...Object.fromEntries(sent),
		},
		...(data === undefined ? {} : { data: textOf(data) }),
		redirectsMax: limits.redirectsMax,
	});
	const chunks: Uint8Array[] = [];
	const isCut = await collect(response.body, chunks, limits.bytesMax);
	const { status, statusText } = response;
	if (status >= 400) throw new ReeveError('http_failed', `${status} ${statusText}`.trim());
	if (isCut) throw new ReeveError('output_too_large', `more than ${limits.bytesMax} bytes`);
	return { status, data: contentOf(Buffer.concat(chunks), false) };
}
