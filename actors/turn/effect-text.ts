/**
 * Wishes as text: what a turn asked for, in lines that two turns can be compared by. Nothing is in
 * them that two runs of the same machine would not have in common, such as ids or instants.
 *
 * @module
 */
import type { Effect, Monitored, Outgoing } from '../definition/effects.ts';
import type { EffectRequest } from './machine-step.ts';

/** The longest line; of what is longer only the beginning is kept, and how long it was. */
const lineMax = 300;

/**
 * What the machine wished for, a line each. That the timers and steps of a state end with it goes
 * without saying.
 */
export function effectTexts(effectRequests: readonly EffectRequest[]): readonly string[] {
	return effectRequests
		.filter((effectRequest) => !isMatterOfCourse(effectRequest))
		.map((effectRequest) => cut(effectRequestText(effectRequest)));
}

function isMatterOfCourse(effectRequest: EffectRequest): boolean {
	return (
		effectRequest.want === 'stop' ||
		(effectRequest.want === 'cancel' && effectRequest.id.startsWith('xstate.after.'))
	);
}

function effectRequestText(effectRequest: EffectRequest): string {
	switch (effectRequest.want) {
		case 'effect':
			return effectText(effectRequest.event as Effect);
		case 'timer':
			return `timer ${effectRequest.id || effectRequest.event.type} after ${effectRequest.delayMs} ms`;
		case 'cancel':
			return `cancel timer ${effectRequest.id}`;
		case 'step':
			return `step ${effectRequest.src}${effectRequest.input === undefined ? '' : ` ${valueText(effectRequest.input)}`}`;
		case 'stop':
			return `stop step ${effectRequest.child}`;
		case 'log':
			return `log ${effectRequest.text}`;
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
	return JSON.stringify(value) ?? '';
}

function cut(line: string): string {
	if (line.length <= lineMax) return line;
	return `${line.slice(0, lineMax)}… (${line.length} letters)`;
}
