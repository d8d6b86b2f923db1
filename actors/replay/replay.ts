/**
 * Replay: takes the recorded turns of stored instances again under other definitions, and compares
 * states and effects with those on disk. Machines are moved, but nothing runs and nothing is
 * written.
 *
 * A turn can be replayed if the state before it is known: from the start of an instance, or from
 * one of the bases that the turn recorder keeps. The turns that follow a difference are skipped up
 * to the next base, because they would have come out differently, too.
 *
 * @module
 */
import type { AnyMachineSnapshot } from 'xstate';
import type { Difference, ReplayTotals } from '../../runtime/queries/actor-rows.ts';
import { canonicalJson } from '../../runtime/text/canonical-json.ts';
import { plainForm } from '../../runtime/text/diagnostic-json.ts';
import { unpackDurable } from '../definition/durable-value.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { eventKnower } from '../definition/event-message.ts';
import { storedActors, storedInstances, type StoredInstance } from '../turn/instance.ts';
import type { Readable } from './instance-report.ts';
import { readTurns, type TurnRecord } from '../turn/turn-recorder.ts';
import { checkTurn, mustTell } from './replayed-turn.ts';
import { createRestoring, type Finding, type Restoring } from './instance-restore.ts';
import { runningSteps } from '../turn/running-steps.ts';
import { createMachineStepper, type MachineStepper } from '../turn/machine-step.ts';
import { mailFindings, waitingFindings } from './pending-work.ts';

/** What a replay needs. */
export interface ReplayParts {
	readonly journal: Readable;
	readonly definitions: readonly ActorDefinition[];
	/** The name of the node whose journal it is. */
	readonly node: string;
	readonly microstepsMax: number;
}

/** Replays all instances of a journal, and calls `tell` with each difference it finds. */
export function replay(parts: ReplayParts, tell: (difference: Difference) => void): ReplayTotals {
	const totals = { actors: 0, instances: 0, turns: 0, skipped: 0, differences: 0 };
	for (const actor of storedActors(parts.journal)) {
		totals.actors += 1;
		const definition = parts.definitions.find(({ name }) => name === actor);
		const tellOf = (key: string, finding: Finding): void => {
			totals.differences += 1;
			tell({ actor, key, ...finding });
		};
		const replayOne = definition && createOne(parts, definition);
		if (definition) {
			const knows = eventKnower(definition);
			const found = mailFindings({ ...parts, definition, knows });
			for (const { key, finding } of found) tellOf(key, finding);
		}
		for (const { key, stored } of storedInstances(parts.journal, actor)) {
			totals.instances += 1;
			const see = (finding: Finding): void => tellOf(key, finding);
			if (!replayOne) see({ what: 'actor_gone', detail: 'no file of the folder declares it' });
			else {
				const { turns, skipped } = replayOne(key, stored, see);
				totals.turns += turns;
				totals.skipped += skipped;
			}
		}
	}
	return totals;
}

interface Counts {
	turns: number;
	skipped: number;
}

type ReplayOne = (
	key: string,
	stored: StoredInstance,
	see: (finding: Finding) => void,
) => Readonly<Counts>;

function createOne(parts: ReplayParts, definition: ActorDefinition): ReplayOne {
	const { journal, node, microstepsMax } = parts;
	const { name, machine, volatile } = definition;
	const stepper = createMachineStepper({ name, machine, volatile, microstepsMax });
	const restoring = createRestoring(definition, stepper);
	const knows = eventKnower(definition);

	return (key, stored, see) => {
		const running = runningSteps(journal, { actor: name, key, steps: stored.steps });
		const now = restoring.restore(stored, running);
		if ('what' in now) see(now);
		for (const finding of waitingFindings({ journal, definition, knows }, key, stored)) {
			see(finding);
		}
		const run = {
			stepper,
			restoring,
			knows,
			begin: () => stepper.begin(definition.input({ key, node })),
			enter: (at: number) => definition.enterTurn({ now: at, key, node }),
			see,
			stored,
			counts: { turns: 0, skipped: 0 },
		};
		const last = replayTurns(run, readTurns(journal, name, key));
		// The state after the last turn must be that of the instance.
		if (last && !('what' in now) && last.turn === stored.turn) {
			compareContext(run, last, now.snapshot);
		}
		return run.counts;
	};
}

/** What replaying the turns of one instance needs. */
interface Run {
	readonly stepper: MachineStepper;
	readonly restoring: Restoring;
	readonly knows: (type: string) => boolean;
	readonly begin: MachineStepper['begin'];
	/** Passes the instant of the next turn to the definition. */
	readonly enter: (at: number) => void;
	readonly see: (finding: Finding) => void;
	/** The instance as it is stored. */
	readonly stored: StoredInstance;
	readonly counts: Counts;
}

/** How far a replay has come: the state after a turn. */
interface Position {
	readonly snapshot: AnyMachineSnapshot;
	readonly turn: number;
	readonly event: string;
	/** The last base as it was stored, for the migrations of state values. */
	readonly base: StoredInstance | undefined;
}

/** Replays turns in order. Returns the position after the newest; undefined if it is unknown. */
function replayTurns(run: Run, records: readonly TurnRecord[]): Position | undefined {
	let position: Position | undefined;
	let before: TurnRecord | undefined;
	for (const record of records) {
		if (before && record.turn !== before.turn + 1) position = undefined;
		position = fromBase(run, record, position);
		const finding = mustTell(record, before, run.knows);
		if (finding) run.see(finding);
		run.enter(record.at);
		position = finding ? undefined : replayTurn(run, record, position);
		before = record;
	}
	return position;
}

/** The position before a turn: the recorded base, or else what the replay has led to. */
function fromBase(
	run: Run,
	record: TurnRecord,
	position: Position | undefined,
): Position | undefined {
	if (!record.base) return position;
	const base = unpackDurable(record.base) as StoredInstance;
	const restored = run.restoring.restore(base);
	if ('what' in restored) {
		run.see({ ...restored, turn: base.turn });
		return undefined;
	}
	if (position) compareContext(run, position, restored.snapshot);
	const event = position?.event ?? '';
	return { snapshot: restored.snapshot, turn: base.turn, event, base };
}

function replayTurn(
	run: Run,
	record: TurnRecord,
	position: Position | undefined,
): Position | undefined {
	const isFirst = record.turn === 1 || record.fresh === true;
	if (record.isCut || (!position && !isFirst)) {
		run.counts.skipped += 1;
		return undefined;
	}
	run.counts.turns += 1;
	const { turn, value, version, event } = record;
	const { base, snapshot: known } = position ?? { base: undefined, snapshot: undefined };
	const expected = run.restoring.valueOf(value, version, base ?? run.stored);
	const from = { snapshot: isFirst ? undefined : known, expected };
	const { findings, snapshot } = checkTurn(run, record, from);
	for (const finding of findings) run.see(finding);
	return snapshot && { snapshot, turn, event: event?.type ?? 'start', base };
}

/** The context of the replayed machine must be that of the real one. */
function compareContext({ see }: Run, position: Position, real: AnyMachineSnapshot): void {
	const [made, was] = [position.snapshot.context, real.context].map((each) =>
		canonicalJson(plainForm(each)),
	);
	if (made === was) return;
	const { turn, event } = position;
	see({ what: 'context', turn, event, detail: `it was ${was}, and is now ${made}` });
}
