/**
 * The rows of the table `steps`: side effects that instances have asked for and whose end no turn
 * has handled.
 *
 * @module
 */
import type { Principal } from '../../runtime/message/principal.ts';
import { rowsUnder, type Change, type JournalReader } from '../../runtime/journal/schema.ts';

/** One step, as the journal has it. */
export interface StepRow {
	readonly child: string;
	readonly src: string;
	/** Whether a state invokes it; older rows, and those of spawned steps, have no such field. */
	readonly isInvoked?: boolean;
	/** On whose behalf it runs, see `runtime/message/principal.ts`. */
	readonly askedBy?: readonly Principal[];
	/** The input, packed. */
	readonly input: Uint8Array;
	/** The epoch of the process that began to run it; absent if `onCrash` is `retry`. */
	readonly begunBy?: number;
	/** How many processes have begun to run it that found the row, each after an end of another. */
	readonly starts?: number;
	/** The result, packed. */
	readonly result?: Uint8Array;
}

/** Whose step it is, and which. */
export interface StepPlace {
	readonly actor: string;
	readonly key: string;
	readonly stepId: string;
}

type Reader = Pick<JournalReader, 'scan'>;

/** Writes a step; without a row it is removed. */
export function stepChange({ actor, key, stepId }: StepPlace, value?: StepRow): Change {
	const place = [actor, key, stepId];
	return value ? { table: 'steps', key: place, value } : { table: 'steps', key: place };
}

/** The steps of an actor, or of one of its instances. */
export function scanSteps(
	journal: Reader,
	actor: string,
	key?: string,
): readonly (StepPlace & { readonly row: StepRow })[] {
	return journal
		.scan<StepRow>('steps', key === undefined ? rowsUnder(actor) : rowsUnder(actor, key))
		.map(({ key: [, of, stepId], value: row }) => {
			return { actor, key: String(of), stepId: String(stepId), row };
		});
}

/** The ids of all steps, of whatever actor. */
export function stepIds(journal: Reader): readonly string[] {
	const rows = journal.scan('steps', rowsUnder());
	return rows.map(({ key }) => String(key[2]));
}
