/**
 * The API of a node: transports and programs hand messages to it, and ask it questions.
 *
 * @module
 */
import { countDamaged } from '../../runtime/journal/damaged-rows.ts';
import { readSaved } from '../../runtime/journal/saved-fact.ts';
import process from 'node:process';
import { z } from 'zod';
import { ownFacts } from '../../runtime/message/facts.ts';
import { createQueries } from '../../runtime/queries/queries.ts';
import { messageTimeline, type TimelineParts } from '../../runtime/queries/message-timeline.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { version } from '../../runtime/platform/version.ts';
import type { NodeApi } from '../../runtime/network/transport.ts';
import { actorQuestions, createActorQueries } from '../operations/actor-queries.ts';
import { createAudit } from '../operations/audit.ts';
import type { NodeServices, Reload } from '../composition/node-services.ts';
import { treeRow } from '../operations/supervision-tree-rows.ts';
import { operations } from '../operations/operation-targets.ts';
import { createOperations } from '../operations/operations.ts';
import { createResend } from '../operations/resend.ts';
import { isSupervisor } from '../otp/supervisor.ts';
import type { TreeRow } from '../../runtime/queries/question.ts';

/** Creates the API of a node. */
export function createNodeApi(services: NodeServices, reload: Reload): NodeApi {
	const { isSafe, ownership, node, intake, journal, clock, config, signals, leftBehind } = services;
	const { phase } = services;
	const since = clock.monotonic();
	const uptimeMs = () => Math.round(clock.monotonic() - since);
	const starting: TreeRow = { id: 'node', type: 'supervisor', state: 'starting', restarts: 0 };

	const about = () => ({
		name: node,
		version,
		pid: process.pid,
		storeId: journal.storeId,
		epoch: journal.epoch,
		replayed: leftBehind,
		mode: isSafe ? 'safe' : 'normal',
		phase: phase.current(),
		facts: ownFacts(config.facts),
		isJournalHealthy: journal.isHealthy(),
		nodeName: ownership.state(),
		uncleanStarts: journal.uncleanStarts,
		...(journal.quarantined ? { quarantined: journal.quarantined } : {}),
		...damageIn(journal),
		startedAt: clock.now() - uptimeMs(),
		uptimeMs: uptimeMs(),
		...(clock.offsetMs ? { clockOffsetMs: clock.offsetMs() } : {}),
		broker: config.brokerAddress || `${config.brokerListen} (in this node)`,
		...services.ledger.totals(),
		signals: signals.counts(),
	});
	const { ledger, outbox, presence, methods } = services;
	const query = createQueries({
		node,
		signals,
		journal,
		ledger,
		outbox,
		presence,
		methods,
		mailboxes: () => services.mailboxes.values(),
		about,
		hasKey: keyCheckOf(services),
		prefix: config.topicPrefix,
		tree: () => {
			const top = services.names.whereis('node');
			return top && isSupervisor(top) ? treeRow(top) : starting;
		},
	});
	const operate = createOperations(services);
	const audit = createAudit(services);
	const queryActors = createActorQueries(services, reload);
	const resend = createResend(services);
	const answersTo = (raw: unknown, signal: AbortSignal): AsyncIterable<unknown> => {
		const { reeve, id } = z
			.looseObject({ reeve: z.string(), id: z.string() })
			.partial()
			.catch({})
			.parse(raw);
		if (operations.some((operation) => operation === reeve)) return operate(raw);
		if (actorQuestions.some((question) => question === reeve)) return queryActors(raw);
		if (reeve === 'audit') return audit(raw, signal);
		if (reeve === 'resend') return resend(raw);
		return reeve === 'message' && id !== undefined ? timelineOf(services, id) : query(raw, signal);
	};
	/** The answers to a question; streams end with the node, whose journal is closed then. */
	async function* ask(raw: unknown, signal: AbortSignal): AsyncGenerator {
		if (phase.over.aborted) throw new ReeveError('stopping');
		yield* answersTo(raw, AbortSignal.any([signal, phase.over]));
	}
	return {
		accept: (raw, via, source) => intake.accept(raw, via, { caller: { kind: 'local' }, ...source }),
		refuse: (code, detail, via) => intake.refuse(code, detail, via),
		ask,
	};
}

async function* timelineOf(services: TimelineParts, id: string): AsyncGenerator {
	yield await messageTimeline(services, id);
}

/** Whether nodes have a key that is accepted here; undefined where signatures are not looked at. */
function keyCheckOf({ authorization, config }: NodeServices) {
	if (!authorization || config.signing === 'off') return undefined;
	return (name: string) => authorization.keyring.knows({ kind: 'node', name });
}

/** What the store says of damage, if there was any. */
function damageIn(journal: NodeServices['journal']) {
	const damagedRows = countDamaged(journal);
	const saved = readSaved(journal);
	return { ...(damagedRows > 0 ? { damagedRows } : {}), ...(saved ? { saved } : {}) };
}
