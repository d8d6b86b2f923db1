/**
 * The door of a node: what transports, and whoever uses reeve as a library, hand messages to and
 * ask questions of.
 *
 * @module
 */
import process from 'node:process';
import { z } from 'zod';
import { ownFacts } from '../../runtime/message/facts.ts';
import { createInquiry } from '../../runtime/queries/queries.ts';
import { messageLife } from '../../runtime/queries/message-timeline.ts';
import { version } from '../../runtime/platform/version.ts';
import type { Door } from '../../runtime/network/transport.ts';
import { actorQuestions, createActorInquiry } from '../operations/actor-queries.ts';
import { createAudit } from '../operations/audit.ts';
import type { Ground } from '../composition/node-services.ts';
import { treeRow } from '../operations/supervision-tree-rows.ts';
import { operations } from '../operations/operation-targets.ts';
import { createOperations } from '../operations/operations.ts';
import { createResend } from '../operations/resend.ts';
import type { SupervisorRef } from '../otp/supervisor.ts';
import type { TreeRow } from '../../runtime/queries/question.ts';

/** Creates the door. `top` answers with the tree once it stands. */
export function createDoor(ground: Ground, top: () => SupervisorRef | undefined): Door {
	const { isSafe, ownership, node, intake, journal, clock, config, signals, leftBehind } = ground;
	const { phase } = ground;
	const startedAt = clock.now();
	const since = clock.monotonic();
	const starting: TreeRow = { id: 'node', type: 'supervisor', state: 'starting', restarts: 0 };

	const about = () => ({
		name: node,
		version,
		pid: process.pid,
		storeId: journal.storeId,
		epoch: journal.epoch,
		replayed: leftBehind,
		mode: isSafe ? 'safe' : 'normal',
		phase: phase.current,
		facts: ownFacts(config.facts),
		isJournalHealthy: journal.isHealthy(),
		nodeName: ownership.state(),
		uncleanStarts: journal.uncleanStarts,
		...(journal.quarantined ? { quarantined: journal.quarantined } : {}),
		startedAt,
		uptimeMs: Math.round(clock.monotonic() - since),
		broker: config.brokerAddress || `${config.brokerListen} (in this node)`,
		...ground.books.totals(),
		signals: signals.counts(),
	});
	const inquire = createInquiry({
		...ground,
		mailboxes: () => ground.mailboxes.values(),
		about,
		prefix: config.topicPrefix,
		tree: () => {
			const ref = top();
			return ref ? treeRow(ref) : starting;
		},
	});
	const operate = createOperations(ground);
	const audit = createAudit(ground);
	const inquireActors = createActorInquiry(ground);
	const resend = createResend(ground);
	const ask: Door['ask'] = (raw, signal) => {
		const { reeve, id } = z
			.looseObject({ reeve: z.string(), id: z.string() })
			.partial()
			.catch({})
			.parse(raw);
		if (operations.some((operation) => operation === reeve)) return operate(raw);
		if (actorQuestions.some((question) => question === reeve)) return inquireActors(raw);
		if (reeve === 'audit') return audit(raw, signal);
		if (reeve === 'resend') return resend(raw);
		return reeve === 'message' && id !== undefined ? lifeOf(ground, id) : inquire(raw, signal);
	};
	return {
		accept: (raw, via) => intake.accept(raw, via),
		refuse: (code, detail, via) => intake.refuse(code, detail, via),
		ask,
	};
}

async function* lifeOf(ground: Ground, id: string): AsyncGenerator {
	yield await messageLife(ground, id);
}
