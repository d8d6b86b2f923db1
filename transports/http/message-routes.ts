/**
 * The routes that take messages: `POST /messages`, answered as soon as they are on disk or, with
 * `?wait=1`, when they have their outcome.
 *
 * @module
 */
import { inOurSpelling, messageInput } from '../../runtime/message/message.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import { readPayload } from '../../runtime/text/payload.ts';
import type { Answer, TransportContext } from '../../runtime/network/transport.ts';
import { failureResponse, readBody, statusOf, type Routes } from './web-server.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

/** Its name in steward's errors. */
const via = 'HTTPListener';

type Parts = Pick<TransportContext, 'api' | 'config' | 'clock'>;
type Refusal = Extract<Answer, { readonly error: string }>;
/** An answer; a refusal with the issues of each field. */
type Explained = Answer & { readonly issues?: readonly object[] };

/** Adds the routes. */
export function addMessageRoutes(routes: Routes, parts: Parts): void {
	routes.post('/messages', async ({ req }) => {
		const { api } = parts;
		let raws: readonly unknown[];
		try {
			raws = readPayload(await readBody(req.raw, parts.config.messageBytesMax), parts.config);
		} catch (thrown) {
			const { code, detail } = asReeveError(thrown);
			api.refuse(code, detail, via);
			return failureResponse(thrown);
		}
		const answers: Explained[] = [];
		// All are handed in first, in their order: messages of one lane keep it.
		for (const { raw, given } of raws.map((raw) => ({ raw, given: api.accept(raw, via) }))) {
			for (const answer of await given) answers.push(explained(answer, raw));
		}
		const refusals = answers.filter((answer): answer is Refusal => 'error' in answer);
		const ids = answers.flatMap((answer) => ('id' in answer ? [answer.id] : []));
		const [first] = refusals;
		if (ids.length === 0) {
			const status = first ? statusOf(first.error) : 400;
			return Response.json({ ids, answers }, { status });
		}
		if (!isSet(req.query('wait'))) return Response.json({ ids, answers }, { status: 202 });
		const waitMs = waitOf(req.query('timeout'), parts);
		const rows = await outcomesOf(ids, parts, { waitMs, gone: req.raw.signal });
		const isOver = rows.length === ids.length && rows.every(({ settled }) => settled);
		return Response.json({ ids, answers, messages: rows }, { status: isOver ? 200 : 202 });
	});
}

/** Adds to a refusal what is wrong with each field. */
function explained(answer: Answer, raw: unknown): Explained {
	if (!('error' in answer) || !['bad_message', 'bad_name'].includes(answer.error)) return answer;
	try {
		const parsed = messageInput.safeParse(inOurSpelling(Object(raw) as object));
		const issues = parsed.error?.issues.slice(0, issuesMax) ?? [];
		return {
			...answer,
			issues: issues.map(({ path, message, code }) => ({ path, message, code })),
		};
	} catch {
		// A field that is given twice cannot be parsed; the detail of the refusal names it.
		return answer;
	}
}

const issuesMax = 20;

function isSet(text: string | undefined): boolean {
	return text !== undefined && !['0', 'false', 'no'].includes(text);
}

/** How long the client wants to wait, up to `httpWaitMax`. */
function waitOf(text: string | undefined, { config }: Parts): number {
	const seconds = text === undefined ? config.httpWaitMax : Number(text);
	if (!(seconds >= 0)) throw new ReeveError('bad_message', `timeout ${text}: not seconds`);
	return Math.min(seconds, config.httpWaitMax) * 1000;
}

/**
 * The rows of the messages when all are settled, the time is over, or the client is gone.
 */
async function outcomesOf(
	ids: readonly string[],
	{ api, clock }: Parts,
	{ waitMs, gone }: { waitMs: number; gone: AbortSignal },
): Promise<readonly MessageRow[]> {
	const over = new AbortController();
	const timer = deadline(clock, waitMs, () => over.abort());
	const rows = new Map<string, MessageRow>();
	try {
		for await (const row of api.ask(
			{ reeve: 'watch', ids },
			AbortSignal.any([over.signal, gone]),
		)) {
			const known = row as MessageRow;
			rows.set(known.id, known);
		}
	} catch (thrown) {
		// Messages of the kinds that are sent at most once are not in the ledger: their outcome stays
		// unknown.
		if (asReeveError(thrown).code !== 'not_found') throw thrown;
	} finally {
		timer.cancel();
	}
	return [...rows.values()];
}
