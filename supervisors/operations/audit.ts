/**
 * The audit of a node: asks every receiver of its messages what became of them, over the wire, and
 * compares.
 *
 * @module
 */
import { z } from 'zod';
import {
	compare,
	isOfFormerStore,
	findings,
	readTestimony,
	type Finding,
	type Testimony,
} from '../../runtime/queries/audit-compare.ts';
import { asReeveError, isErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import { messageRow } from '../../runtime/ledger/message-state.ts';
import type { AuditRow } from '../../runtime/queries/operation-rows.ts';
import type { NodeServices } from '../composition/node-services.ts';
import type { ReceivedState } from '../../runtime/ledger/received-messages.ts';
import type { Entry } from '../../runtime/ledger/ledger-entry.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	'clock' | 'config' | 'intake' | 'journal' | 'ledger' | 'node' | 'outbox' | 'received' | 'signals'
>;

const request = z.object({
	reeve: z.literal('audit'),
	/** Only messages to this node. */
	to: z.string().optional(),
	/** Only messages that are not older. */
	newerThanMs: z.number().min(0).optional(),
	/** How long a receiver may take to answer. */
	waitSeconds: z.int().min(1).max(3600).default(30),
});

/** Messages that one question is about; the ledger must be able to keep the answer as text. */
const idsAtATime = 500;
const bytesOfRow = 64;
/** Messages that are named, of those that do not agree. */
const namedMax = 20;

/** What the sender knows of a message at the moment of the audit. */
interface Claim {
	readonly entry: Entry;
	readonly hasLeft: boolean;
}

/** Creates the auditing side of a node: one row for each receiver, as its answers come in. */
export function createAudit(
	services: Services,
): (raw: unknown, signal: AbortSignal) => AsyncGenerator<AuditRow> {
	return async function* audit(raw, signal) {
		const parsed = request.safeParse(raw);
		if (!parsed.success) throw new ReeveError('bad_message', z.prettifyError(parsed.error));
		const { to, newerThanMs, waitSeconds } = parsed.data;
		const since = newerThanMs === undefined ? 0 : services.journal.now() - newerThanMs;
		// Read the sender's side first: a receiver that is asked later can only know more.
		for (const [receiver, claims] of claimsOf(services, { to, since })) {
			if (signal.aborted) return;
			yield await auditOne(services, { receiver, claims, waitSeconds, signal });
		}
	};
}

function claimsOf(
	{ ledger, outbox }: Services,
	{ to, since }: { to: string | undefined; since: number },
): ReadonlyMap<string, readonly Claim[]> {
	const byReceiver = new Map<string, Claim[]>();
	for (const entry of ledger.each(since)) {
		if ((to ?? entry.toNode) !== entry.toNode) continue;
		const hasLeft = messageRow(entry, outbox).state === 'accepted';
		// Leave out the content: an audit does not need it, and it may be large.
		const { body: _body, output: _output, events: _events, ...bare } = entry;
		const claims = byReceiver.get(entry.toNode) ?? [];
		byReceiver.set(entry.toNode, claims);
		claims.push({ entry: bare, hasLeft });
	}
	return byReceiver;
}

/** Whom to ask, and for how long. */
export interface Asking {
	readonly receiver: string;
	readonly waitSeconds: number;
	readonly signal: AbortSignal;
}

async function auditOne(
	services: Services,
	{ claims, ...asking }: Asking & { readonly claims: readonly Claim[] },
): Promise<AuditRow> {
	const { receiver: to } = asking;
	const counts = Object.fromEntries(findings.map((finding) => [finding, 0])) as Record<
		Finding,
		number
	>;
	const faults: { id: string; finding: Finding }[] = [];
	const size = Math.floor(services.config.outputKeptBytesMax / bytesOfRow);
	const atATime = Math.max(1, Math.min(idsAtATime, size));
	const row = { from: services.node, to, checked: 0, ...counts, inFormerStore: 0, faults };
	try {
		for (let from = 0; from < claims.length; from += atATime) {
			const part = claims.slice(from, from + atATime);
			const ids = part.map(({ entry }) => entry.id);
			const testimony = await testimonyOf(services, ids, asking);
			for (const [index, claim] of part.entries()) {
				const received = testimony.states[index];
				if (!received) continue;
				const { finding, isFormer } = judge(services, claim, { ...testimony, received });
				row[finding] += 1;
				row.checked += 1;
				if (isFormer && finding === 'notKept') row.inFormerStore += 1;
				const isFault = finding === 'lost' || finding === 'doubled' || finding === 'differs';
				if (isFault && faults.length < namedMax) faults.push({ id: claim.entry.id, finding });
			}
		}
		return row;
	} catch (thrown) {
		const { code: error, detail } = asReeveError(thrown);
		return { ...row, unasked: claims.length - row.checked, error, detail };
	}
}

/** Holds one claim against what its receiver says of it. */
function judge(
	{ outbox }: Services,
	{ entry, hasLeft }: Claim,
	{ storeId, isCut, received }: Omit<Testimony, 'states'> & { readonly received: ReceivedState },
): { readonly finding: Finding; readonly isFormer: boolean } {
	const lane = entry.lane === undefined ? undefined : outbox.lane(entry.lane);
	const isFormer = isOfFormerStore({ lane, seq: entry.seq, storeId });
	const finding = compare(entry, hasLeft, { received, isCut: isCut || isFormer });
	return { finding, isFormer };
}

/** What the receiver of these messages says of them. */
export async function testimonyOf(
	services: Services,
	ids: readonly string[],
	asking: Asking,
): Promise<Testimony> {
	const { node, received } = services;
	if (asking.receiver !== node) return askOver(services, ids, asking);
	const found = await received.find(new Set(ids), { from: node });
	const unknown = { state: 'unknown', copies: 0, attempts: 0 } as const;
	return { isCut: received.isCut(), states: ids.map((id) => found.get(id) ?? unknown) };
}

async function askOver(
	services: Services,
	ids: readonly string[],
	{ receiver, waitSeconds, signal }: Asking,
): Promise<Testimony> {
	const { intake, ledger, journal } = services;
	const question = { toNode: receiver, method: 'REQAudit', data: JSON.stringify(ids) };
	// Expiry is checked when an acknowledgement is overdue.
	const limits = { ttl: waitSeconds, methodTimeout: waitSeconds, ACKTimeout: 1 };
	const [answer] = await intake.accept({ ...question, ...limits, note: 'audit' }, 'operator');
	if (!answer || 'error' in answer) {
		throw new ReeveError(answer?.error ?? 'internal', answer?.detail);
	}
	const { result, output = '' } = await outcomeOf(services, answer.id, signal);
	// The ledger keeps messages, not the questions of an audit about them.
	await journal.commit(ledger.forget(answer.id));
	if (result?.outcome === 'done') return readTestimony(output, ids.length);
	const code = result?.code ?? 'internal';
	throw new ReeveError(isErrorCode(code) ? code : 'internal', `${receiver} was asked in vain`);
}

/** The entry of a message once it is settled. */
function outcomeOf({ ledger, signals }: Services, id: string, signal: AbortSignal): Promise<Entry> {
	return new Promise((resolve, reject) => {
		const look = (): void => {
			const entry = ledger.get(id);
			if (entry?.settledAt === undefined && !signal.aborted) return;
			unsubscribe();
			signal.removeEventListener('abort', look);
			if (entry?.settledAt === undefined) reject(new ReeveError('stopping', id));
			else resolve(entry);
		};
		const unsubscribe = signals.subscribe((seen) => {
			if (seen.type === 'message.settled' && seen.id === id) look();
		});
		signal.addEventListener('abort', look);
		look();
	});
}
