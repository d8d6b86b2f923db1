/**
 * Compares two traces of one scenario. What has no order in OTP is put into one first.
 *
 * @module
 */
import type { Scenario } from './scenario.ts';

/** What happened, line by line. */
export type Trace = readonly string[];

/** The line of a trace that was too slow for its seconds to be counted on. */
export const slowLine = '!slow';

/** The ids of all dynamic supervisors that a scenario may have. */
function poolsOf(value: unknown): readonly string[] {
	if (Array.isArray(value)) return value.flatMap(poolsOf);
	if (typeof value !== 'object' || value === null) return [];
	const { strategy, id } = value as { readonly strategy?: unknown; readonly id?: unknown };
	const own = strategy === 'simple_one_for_one' ? [String(id)] : [];
	return [...own, ...Object.values(value).flatMap(poolsOf)];
}

/** The trace in the one order that all traces of the same events have. */
export function ordered(trace: Trace, scenario: Scenario): Trace {
	return withOrderedPools(withOrderedMonitors(trace), new Set(poolsOf(scenario)));
}

/** Who is told of an end first, the supervisor or a monitor, has no order. */
function withOrderedMonitors(trace: Trace): Trace {
	const settled: string[] = [];
	let downs: string[] = [];
	const flush = (): void => {
		settled.push(...downs.toSorted());
		downs = [];
	};
	for (const line of trace) {
		if (line.startsWith('down ')) {
			downs.push(line);
			continue;
		}
		if (/^(?:#|tree|answer)/.test(line)) flush();
		settled.push(line);
	}
	flush();
	return settled;
}

/** Neither have the ends of the children of a pool that stops, and reports of them come once. */
function withOrderedPools(trace: Trace, pools: ReadonlySet<string>): Trace {
	const result: string[] = [];
	let group: string[] = [];
	let key: string | undefined;
	const flush = (): void => {
		const reports = group.filter((line) => line.startsWith('report'));
		const ends = group.filter((line) => !line.startsWith('report'));
		result.push(...[...ends, ...new Set(reports)].toSorted());
		group = [];
	};
	for (const line of trace) {
		const own = poolOf(line, pools);
		if (own === undefined || own !== key) flush();
		key = own;
		if (own === undefined) result.push(line);
		else group.push(line);
	}
	flush();
	return result;
}

/** The pool that a line about a stop belongs to. */
function poolOf(line: string, pools: ReadonlySet<string>): string | undefined {
	const [what, path = '', context] = line.split(' ');
	const isReport = what === 'report' && context === 'shutdown_error';
	if (what !== 'stop' && !isReport) return undefined;
	const parts = path.split('/');
	const above = isReport ? parts : parts.slice(0, -1);
	const at = above.findIndex((part) => pools.has(part));
	return at < 0 ? undefined : above.slice(0, at + 1).join('/');
}

/** Both traces beside each other, beginning a little above the line where they part. */
export function besides(erlang: Trace, ours: Trace): string {
	let at = 0;
	while (at < erlang.length && erlang[at] === ours[at]) at += 1;
	const from = Math.max(0, at - 4);
	const shown = [erlang, ours].map((trace) => trace.slice(from, at + 8));
	const width = Math.max(8, ...shown[0]!.map(({ length }) => length));
	const rows = Array.from({ length: Math.max(...shown.map(({ length }) => length)) }, (_, row) => {
		const [left = '', right = ''] = shown.map((trace) => trace[row] ?? '');
		return `${from + row === at ? '>' : ' '} ${left.padEnd(width)} | ${right}`;
	});
	return [`  ${'Erlang'.padEnd(width)} | reeve`, ...rows].join('\n');
}
