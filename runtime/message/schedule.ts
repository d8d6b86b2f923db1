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

/** How far a schedule has come. */
export interface ScheduleState {
	/** Store time. */
	readonly startedAt: number;
	/** What each run is later, drawn once. */
	readonly splayMs: number;
	readonly runs: number;
	readonly failed: number;
	/** When the last run was due, before the splay; by the clock that {@link nextRun} names. */
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

const noSchedule =
	'no schedule: a cron expression, "every 10m", seconds, or an object with cron or every';

const timesOfDay = z.strictObject({ cron, timezone: timezone.optional(), ...limits });
const interval = z.strictObject({ every: seconds, ...limits });

/**
 * What is wrong with the schedule of a message; undefined if nothing is. Another node may know more
 * fields, or another list of time zones.
 */
export function scheduleProblem(schedule: Schedule): string | undefined {
	const form = schedule.cron === undefined ? interval : timesOfDay;
	const { issues = [] } = form.safeParse(schedule).error ?? {};
	const [first] = issues.map(
		({ path, message }) => ['schedule', ...path].join('.') + `: ${message}`,
	);
	return first;
}

/**
 * What people write: a cron expression; `every 10m`, or `every 10m for 2h`; seconds; `[seconds,
 * seconds in all]` as later versions of steward have it; or an object with these and more.
 */
export const scheduleInput = z.union(
	[
		z.string().refine((text) => readText(text) !== undefined, noSchedule),
		seconds,
		z.tuple([seconds, seconds]),
		timesOfDay,
		interval,
	],
	noSchedule,
);

/** The schedule that was written. */
export function readSchedule(input: z.output<typeof scheduleInput>): Schedule {
	if (typeof input === 'string') return readText(input) ?? {};
	if (typeof input === 'number') return { every: input };
	if (!Array.isArray(input)) return input;
	const [every, total] = input;
	return { every, total };
}

/** One instant, in store time and by the wall clock. */
export interface Moment {
	readonly storeMs: number;
	readonly wallMs: number;
}

/**
 * The next run as of `now`; undefined if the schedule is over. Missed runs are not made up for.
 *
 * `due` is an instant of the clock that the schedule goes by, without the splay: of store time with
 * `every`, which is a duration, and of the wall clock with `cron`, which names times of the day.
 */
export function nextRun(
	schedule: Schedule,
	state: Pick<ScheduleState, 'startedAt' | 'lastDue'>,
	now: Moment,
): number | undefined {
	const { every, total } = schedule;
	const due = every === undefined ? nextTime(schedule, state, now) : nextTick(every, state, now);
	if (due === undefined || total === undefined) return due;
	const { startedAt } = state;
	const inMs = due - clockOf(schedule, now);
	return now.storeMs + inMs > startedAt + total * 1000 ? undefined : due;
}

/** What the clock shows that the schedule goes by. */
export function clockOf({ every }: Schedule, { storeMs, wallMs }: Moment): number {
	return every === undefined ? wallMs : storeMs;
}

/** The next instant of an interval. A run that lies further ahead than one interval is not one. */
function nextTick(
	every: number,
	{ startedAt, lastDue }: Pick<ScheduleState, 'startedAt' | 'lastDue'>,
	{ storeMs }: Moment,
): number {
	const everyMs = every * 1000;
	if (lastDue === undefined) return Math.min(startedAt, storeMs);
	const after = lastDue > storeMs + everyMs ? storeMs : Math.max(lastDue, storeMs);
	return startedAt + (Math.floor((after - startedAt) / everyMs) + 1) * everyMs;
}

/**
 * The next time of the day. A wall clock that was set back by less than the pause after the last
 * run does not bring that run again; one that was set back further is followed.
 */
function nextTime(
	schedule: Schedule,
	{ startedAt, lastDue }: Pick<ScheduleState, 'startedAt' | 'lastDue'>,
	{ storeMs, wallMs }: Moment,
): number | undefined {
	if (lastDue === undefined) return timeAfter(schedule, wallMs - (storeMs - startedAt) - 1);
	const due = timeAfter(schedule, Math.max(lastDue, wallMs));
	const isFarBack = due !== undefined && lastDue - wallMs >= due - lastDue;
	return isFarBack ? timeAfter(schedule, wallMs) : due;
}

function timeAfter({ cron: pattern = '', timezone: zone }: Schedule, after: number) {
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
