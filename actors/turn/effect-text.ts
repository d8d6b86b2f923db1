/**
 * Effect requests as text: a line for each, by which two turns can be compared. The lines hold
 * nothing that differs between two runs of the same machine, such as ids or instants.
 *
 * @module
 */
import type { Effect, Monitored, Outgoing } from '../definition/effects.ts';
import { diagnosticJson } from '../../runtime/text/diagnostic-json.ts';
import type { EffectRequest } from './machine-step.ts';

/** The longest line; a longer one is cut, and its length is noted. */
const lineMax = 300;

/**
 * The effect requests of a turn, a line each, without the end of timers and steps of a state that
 * was left.
 */
export function effectTexts(effectRequests: readonly EffectRequest[]): readonly string[] {
	return effectRequests
		.filter((request) => !isMatterOfCourse(request))
		.map((request) => cut(effectRequestText(request)));
}

function isMatterOfCourse(request: EffectRequest): boolean {
	return (
		request.want === 'stop' || (request.want === 'cancel' && request.id.startsWith('xstate.after.'))
	);
}

function effectRequestText(request: EffectRequest): string {
	switch (request.want) {
		case 'effect':
			return effectText(request.event as Effect);
		case 'timer':
			return `timer ${request.id ?? request.event.type} after ${request.delayMs} ms`;
		case 'cancel':
			return `cancel timer ${request.id}`;
		case 'step': {
			const input = request.input === undefined ? '' : ` ${valueText(request.input)}`;
			return `step ${request.src}${input}`;
		}
		case 'stop':
			return `stop step ${request.child}`;
		case 'log':
			return `log ${request.text}`;
		case 'volatile':
			return 'a raw action';
	}
}

function effectText(effect: Effect): string {
	switch (effect.type) {
		case 'reeve.send':
			return `send ${outgoingText(effect.message)}`;
		case 'reeve.ask': {
			const { id, timeoutMs, ...message } = effect.question;
			const within = timeoutMs === undefined ? '' : ` within ${timeoutMs} ms`;
			return `ask ${id}: ${outgoingText(message)}${within}`;
		}
		case 'reeve.monitor': {
			const { id, to, actor = 'the node', key } = effect.monitored;
			return `monitor ${id}: ${outgoingText({ method: actor, ...optional({ to, key }) })}`;
		}
		case 'reeve.demonitor':
			return `demonitor ${effect.id}`;
		case 'reeve.reply':
		case 'reeve.answer':
			return `${effect.type.slice('reeve.'.length)} ${valueText(effect.data)}`;
		case 'reeve.alert':
			return `alert ${effect.severity} ${effect.text}`;
		case 'reeve.publish':
			return `publish ${effect.topic} ${effect.data}`;
		default:
			return `emit ${valueText(effect)}`;
	}
}

function optional({ to, key }: Pick<Monitored, 'to' | 'key'>): Pick<Outgoing, 'to' | 'key'> {
	return { ...(to === undefined ? {} : { to }), ...(key === undefined ? {} : { key }) };
}

function outgoingText({ method, to, key, event, data, args = [] }: Outgoing): string {
	const place = to === undefined ? '' : `@${to}`;
	const target = `${method}${place}${key === undefined ? '' : `/${key}`}`;
	const content = [...args, event ?? data].filter((part) => part !== undefined).map(valueText);
	return [target, ...content].join(' ');
}

function valueText(value: unknown): string {
	if (typeof value === 'string') return value;
	if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
	return diagnosticJson(value);
}

function cut(line: string): string {
	if (line.length <= lineMax) return line;
	return `${line.slice(0, lineMax)}… (${line.length} letters)`;
}
