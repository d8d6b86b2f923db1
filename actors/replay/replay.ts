/**
 * Rehearsals: what stored instances and their last turns would come to under other definitions.
 * Nothing runs and nothing is written: machines are moved, and what comes of it is compared with
 * what is on disk.
 *
 * A turn can be rehearsed if the state before it is known: from the beginning of an instance, or
 * from one of the bases that the flight recorder keeps. After a difference there is no telling what
 * would have followed, so the comparison goes on at the next base.
 *
 * @module
 */
import type { AnyMachineSnapshot } from 'xstate';
import type { Difference, ReplayTotals } from '../../runtime/queries/actor-rows.ts';
import { canonicalJson } from '../../runtime/text/canonical-json.ts';
import { unpack } from '../../runtime/message/codec.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { eventKnower } from '../definition/event-message.ts';
import type { StoredInstance } from '../turn/instance.ts';
import { storedInstances, type Readable } from './instance-report.ts';
import { readTurns, type TurnRecord } from '../turn/turn-recorder.ts';
import { checkTurn, mustTell } from './replayed-turn.ts';
import { createRestoring, type Finding, type Restoring } from './instance-restore.ts';
import { createMachineStepper, type MachineStepper } from '../turn/machine-step.ts';
import { mailFindings, waitingFindings } from './pending-work.ts';
import { rowsUnder } from '../../runtime/journal/schema.ts';

/** What is rehearsed, and with what. */
export interface ReplayParts {
	readonly journal: Readable;
	readonly definitions: readonly ActorDefinition[];
	/** The name of the node whose journal it is. */
	readonly node: string;
	readonly microstepsMax: number;
}

/** Rehearses everything in a journal; each difference is told as it is found. */
export function replay(parts: ReplayParts, tell: (difference: Difference) => void): ReplayTotals {
	const totals = { actors: 0, instances: 0, turns: 0, skipped: 0, differences: 0 };
	for (const actor of storedActors(parts.journal)) {
		totals.actors += 1;
		const definition = parts.definitions.find(({ name }) => name === actor);
		const tellOf = (key: string, finding: Finding): void => {
			totals.differences += 1;
			tell({ actor, key, ...finding });
		};
		const rehearseOne = definition && createOne(parts, definition);
		if (definition) {
			const knows = eventKnower(definition);
			const found = mailFindings({ ...parts, definition, knows });
			for (const { key, finding } of found) tellOf(key, finding);
		}
		for (const { key, stored } of storedInstances(parts.journal, actor)) {
			totals.instances += 1;
			const see = (finding: Finding): void => tellOf(key, finding);
			if (!rehearseOne) see({ what: 'actor_gone', detail: 'no file of the folder declares it' });
			else {
				const { turns, skipped } = rehearseOne(key, stored, see);
				totals.turns += turns;
				totals.skipped += skipped;
			}
		}
	}
	return totals;
}

/** The names of the actors that have instances. */
function* storedActors(journal: Readable): Generator<string> {
	for (let { from, to } = rowsUnder(); ;) {
		const [row] = journal.scan('snapshots', { from, to, limit: 1 });
		if (!row) return;
		const actor = String(row.key[0]);
		yield actor;
		from = rowsUnder(actor).to;
	}
}

interface Counts {
	turns: number;
	skipped: number;
}

type RehearseOne = (
	key: string,
	stored: StoredInstance,
	see: (finding: Finding) => void,
) => Readonly<Counts>;

function createOne(parts: ReplayParts, definition: ActorDefinition): RehearseOne {
	const { journal, node, microstepsMax } = parts;
	const { name, machine, volatile } = definition;
	const stepper = createMachineStepper({ name, machine, volatile, microstepsMax });
	const restoring = createRestoring(definition, stepper);
	const knows = eventKnower(definition);

	return (key, stored, see) => {
		const now = restoring.restore(stored);
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
		const last = rehearseTurns(run, readTurns(journal, name, key));
		// What the last turns came to is compared with the instance as it is.
		if (last && !('what' in now) && last.turn === stored.turn) {
			compareContext(run, last, now.snapshot);
		}
		return run.counts;
	};
}

/** What the turns of one instance are rehearsed with. */
interface Run {
	readonly stepper: MachineStepper;
	readonly restoring: Restoring;
	readonly knows: (type: string) => boolean;
	readonly begin: MachineStepper['begin'];
	/** Tells the definition of the instant of the turn that comes next. */
	readonly enter: (at: number) => void;
	readonly see: (finding: Finding) => void;
	/** The instance as it is. */
	readonly stored: StoredInstance;
	readonly counts: Counts;
}

/** Where a rehearsal stands: after this turn. */
interface Place {
	readonly snapshot: AnyMachineSnapshot;
	readonly turn: number;
	readonly event: string;
	/** The last state in its old form, for the migrations of values. */
	readonly base: StoredInstance | undefined;
}

/** The last place that all turns up to the newest have led to; undefined if there is none. */
function rehearseTurns(run: Run, records: readonly TurnRecord[]): Place | undefined {
	let place: Place | undefined;
	let before: TurnRecord | undefined;
	for (const record of records) {
		if (before && record.turn !== before.turn + 1) place = undefined;
		place = fromBase(run, record, place);
		const finding = mustTell(record, before, run.knows);
		if (finding) run.see(finding);
		run.enter(record.at);
		place = finding ? undefined : rehearseTurn(run, record, place);
		before = record;
	}
	return place;
}

/** The place before a turn: as it was really, if that is known. */
function fromBase(run: Run, record: TurnRecord, place: Place | undefined): Place | undefined {
	if (!record.base) return place;
	const base = unpack(record.base) as StoredInstance;
	const restored = run.restoring.restore(base);
	if ('what' in restored) {
		run.see({ ...restored, turn: base.turn });
		return undefined;
	}
	if (place) compareContext(run, place, restored.snapshot);
	const event = place?.event ?? '';
	return { snapshot: restored.snapshot, turn: base.turn, event, base };
}

function rehearseTurn(run: Run, record: TurnRecord, place: Place | undefined): Place | undefined {
	const isFirst = record.turn === 1 || record.fresh === true;
	if (record.isCut || (!place && !isFirst)) {
		run.counts.skipped += 1;
		return undefined;
	}
	run.counts.turns += 1;
	const { turn, value, version, event } = record;
	const { base, snapshot: known } = place ?? { base: undefined, snapshot: undefined };
	const expected = run.restoring.valueOf(value, version, base ?? run.stored);
	const from = { snapshot: isFirst ? undefined : known, expected };
	const { findings, snapshot } = checkTurn(run, record, from);
	for (const finding of findings) run.see(finding);
	return snapshot && { snapshot, turn, event: event?.type ?? 'start', base };
}

/** What the rehearsed machine knows must be what the real one knew. */
function compareContext({ see }: Run, place: Place, real: AnyMachineSnapshot): void {
	const [made, was] = [place.snapshot.context, real.context].map(canonicalJson);
	if (made === was) return;
	const { turn, event } = place;
	see({ what: 'context', turn, event, detail: `it was ${was}, and is now ${made}` });
}
