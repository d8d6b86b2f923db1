/**
 * The content encodings of HTTP responses.
 *
 * @module
 */
import { pipeline, Readable, type Duplex } from 'node:stream';
import {
	constants,
	createBrotliDecompress,
	createGunzip,
	createInflate,
	createInflateRaw,
} from 'node:zlib';

/** What a request says that it understands. */
export const acceptedEncodings = 'gzip, deflate, br';

/** More than servers nest; each costs a decoder. */
const encodingsMax = 5;
const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = constants;
// What has come is handed on, although more follows.
const flush = { flush: Z_SYNC_FLUSH };

const decoders: Readonly<Partial<Record<string, (first: number) => Duplex>>> = {
	gzip: () => createGunzip(flush),
	'x-gzip': () => createGunzip(flush),
	// Some servers leave out the header of zlib.
	deflate: (first) => (first % 16 === 8 ? createInflate(flush) : createInflateRaw(flush)),
	br: () => createBrotliDecompress({ flush: BROTLI_OPERATION_FLUSH }),
};

/**
 * A body, decompressed as it comes. One that is empty, or in an encoding that is not known, stays
 * as it is; one that ends in the middle of its compression is an error. A caller that leaves it
 * early must end `source` itself.
 */
export function decompressed(
	source: AsyncIterable<Uint8Array>,
	encodings = '',
): AsyncIterable<Uint8Array> {
	const names = encodings
		.toLowerCase()
		.split(',')
		.map((name) => name.trim())
		.filter((name) => name !== '' && name !== 'identity');
	const steps = names.toReversed().map((name) => decoders[name]);
	if (steps.length > encodingsMax || steps.includes(undefined)) return source;
	let body = source;
	for (const decoder of steps) if (decoder) body = decoded(body, decoder);
	return body;
}

async function* decoded(
	source: AsyncIterable<Uint8Array>,
	create: (first: number) => Duplex,
): AsyncGenerator<Uint8Array> {
	const chunks = source[Symbol.asyncIterator]();
	// Only its first byte says whether a body is empty, and how it is deflated.
	let begin = await chunks.next();
	while (!begin.done && begin.value.length === 0) begin = await chunks.next();
	if (begin.done) return;
	const decoder = create(begin.value[0] ?? 0);
	// Errors reach the reader through the decoder.
	pipeline(Readable.from(following(begin.value, chunks)), decoder, () => {});
	for await (const chunk of decoder) yield chunk as Uint8Array;
}

async function* following(
	first: Uint8Array,
	chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
	yield first;
	for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}
