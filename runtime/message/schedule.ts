/**
 * Schedules: when the method of a message runs next. Pure; `scheduled-run.ts` keeps schedules and
 * runs by them.
 *
 * This file is the door to croner.
 *
 * @module
 */
import { Cron } from 'croner';
import { z } from 'zod';

/** A schedule as it travels with its message. Exactly one of `cron` and `every` is set. */
export interface Schedule {
	/** Five or six fields, the first of six being seconds. */
	readonly cron?: string;
	/** Of `cron`; without it the time of the node that runs the method. */
	readonly timezone?: string;
	/** Seconds from one run to the next; the first is at once. */
	readonly every?: number;
	/** Seconds after which nothing more is started. */
	readonly total?: number;
	/** How often the method is run at most. */
	readonly times?: number;
	/** Each run is later by the same time, at random up to so many seconds: a fleet spreads out. */
	readonly splay?: number;
}

/** How far a schedule has come. Instants are milliseconds of this node's wall clock. */
export interface ScheduleState {
	readonly startedAt: number;
	/** What each run is later, drawn once. */
	readonly splayMs: number;
	readonly runs: number;
	readonly failed: number;
	/** The instant of the last run, before the splay. */
	readonly lastDue?: number;
	/** Set while a run is under way. */
	readonly isRunning?: true;
}

const seconds = z.int().min(1).max(315_360_000);
const cron = z.string().max(200).refine(isCron, 'no cron expression');
const timezone = z.string().max(100).refine(isTimezone, 'no time zone such as Europe/Oslo');
const limits = {
	total: seconds.optional(),
	times: z.int().min(1).max(1_000_000_000).optional(),
	splay: seconds.max(86_400).optional(),
};

/**
 * What people write: a cron expression; `every 10m`, or `every 10m for 2h`; seconds; `[seconds,
 * seconds in all]` as later versions of steward have it; or an object with these and more.
 */
export const scheduleInput = z.union(
	[
		z.string().refine((text) => readText(text) !== undefined),
		seconds,
		z.tuple([seconds, seconds]),
		z.strictObject({ cron, timezone: timezone.optional(), ...limits }),
		z.strictObject({ every: seconds, ...limits }),
	],
	'no schedule: a cron expression, "every 10m", seconds, or an object with cron or every',
);

/** The schedule that was written. */
export function readSchedule(input: z.output<typeof scheduleInput>): Schedule {
	if (typeof input === 'string') return readText(input) ?? {};
	if (typeof input === 'number') return { every: input };
	if (!Array.isArray(input)) return input;
	const [every, total] = input;
	return { every, total };
}

/**
 * The first instant after `after` at which the method is due, without the splay; undefined if the
 * schedule is over. Instants are milliseconds of the wall clock. What was missed is not made up
 * for.
 */
export function dueAfter(
	schedule: Schedule,
	{ startedAt, after }: { readonly startedAt: number; readonly after: number },
): number | undefined {
	const { every, total } = schedule;
	const due =
		every === undefined
			? nextOf(schedule, after)
			: startedAt +
				Math.max(0, Math.floor((after - startedAt) / (every * 1000)) + 1) * every * 1000;
	const isOver = due !== undefined && total !== undefined && due > startedAt + total * 1000;
	return isOver ? undefined : due;
}

function nextOf({ cron: pattern = '', timezone: zone }: Schedule, after: number) {
	const job = new Cron(pattern, { mode: '5-or-6-parts', ...(zone ? { timezone: zone } : {}) });
	return job.nextRun(new Date(after))?.getTime();
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function readText(text: string): Schedule | undefined {
	const words = /^every (\d{1,9})([smhd]?)(?: for (\d{1,9})([smhd]?))?$/.exec(text.trim());
	if (!words) return text.length <= 200 && isCron(text) ? { cron: text } : undefined;
	const [, count = '', unit = '', totalCount, totalUnit = ''] = words;
	const secondsOf = (number: string, name: string) => Number(number) * (unitSeconds[name] ?? 1);
	const every = secondsOf(count, unit);
	const total = totalCount === undefined ? undefined : secondsOf(totalCount, totalUnit);
	const isFine = [every, total ?? 1].every((value) => seconds.safeParse(value).success);
	if (!isFine) return undefined;
	return total === undefined ? { every } : { every, total };
}

/** Whether it is one, and ever comes true. */
function isCron(text: string): boolean {
	try {
		return new Cron(text, { mode: '5-or-6-parts' }).nextRun() !== null;
	} catch {
		return false;
	}
}

function isTimezone(text: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
	} catch {
		return false;
	}
}
