/**
 * Reads an SCXML document as a statechart.
 *
 * @module
 */
import {
	constant,
	contentOf,
	readActions,
	readAssignments,
	readData,
	type Reading,
} from './action-reading.ts';
import { safeName, statesOf, type Chart, type ChartState, type Transition } from './chart.ts';
import { parseXml, type XmlElement } from './document.ts';
import { readExpression, type Expression } from './expression.ts';
import { Unsupported } from './unsupported.ts';

/**
 * Reads a document.
 *
 * @throws Unsupported if no machine can say what it says
 */
export function readChart(text: string, load: Reading['load']): Chart {
	const document = parseXml(text);
	let count = 0;
	const reading: Reading = { load, next: () => (count += 1) };
	if (document.attributes['binding'] === 'late') throw new Unsupported('late binding', 'binding');
	const scripts = named(document, 'script').flatMap((script) => readAssignments(script, reading));
	const assigned = scripts.map(({ location, value }) => [location, value] as const);
	return {
		root: readState(document, [], reading),
		data: [...dataOf(document), ...assigned],
	};
}

const named = ({ children }: XmlElement, ...names: readonly string[]) =>
	children.filter(({ name }) => names.includes(name));

/** All variables, which are there from the start. */
function dataOf(element: XmlElement): readonly (readonly [string, Expression])[] {
	return element.children.flatMap((child) => {
		if (child.name !== 'data') return dataOf(child);
		const { id = '', expr, src } = child.attributes;
		if (src !== undefined) throw new Unsupported('data in files', src);
		if (child.children.length > 0) throw new Unsupported('XML as data', id);
		const hasContent = child.text.trim() !== '';
		const content = hasContent ? contentOf(child.text) : constant(undefined);
		return [[id, expr === undefined ? content : readExpression(expr)] as const];
	});
}

const stateElements = ['state', 'parallel', 'final', 'history'];
const otherElements = 'initial transition onentry onexit datamodel donedata script'.split(' ');
const knownElements = new Set([...stateElements, ...otherElements]);

function readState(element: XmlElement, around: readonly string[], reading: Reading): ChartState {
	const { name: kind, attributes, children } = element;
	const other = children.find((child) => !knownElements.has(child.name));
	if (other) throw new Unsupported(other.name === 'invoke' ? 'invoke' : 'other elements', kind);
	const isRoot = kind === 'scxml';
	const name = isRoot ? '' : safeName(attributes['id'] ?? `state-${reading.next()}`);
	const path = isRoot ? [] : [...around, name];
	const states = named(element, ...stateElements).map((each) => readState(each, path, reading));
	const inner = new Set(states.flatMap((each) => [...statesOf(each)]).map((each) => each.name));
	const transitions = named(element, 'transition').map((each) => {
		const made = readTransition(each, reading);
		// Only one from a state to those inside it leaves the state active.
		const isInner = kind === 'state' && made.targets.every((target) => inner.has(target));
		return isInner ? made : { ...made, isInternal: false };
	});
	const isHistory = kind === 'history';
	const content = (held: string) =>
		readActions(
			named(element, held).flatMap((each) => each.children),
			reading,
		);
	const [done] = named(element, 'donedata');
	return {
		name,
		path,
		kind: isRoot ? 'state' : (kind as ChartState['kind']),
		isDeep: attributes['type'] === 'deep',
		initial: isHistory ? transitions[0] : initialOf(element, states, reading),
		states,
		transitions: isHistory ? [] : transitions,
		entry: content('onentry'),
		exit: content('onexit'),
		output: done && readData(undefined, done.children),
	};
}

function initialOf(
	element: XmlElement,
	states: readonly ChartState[],
	reading: Reading,
): Transition | undefined {
	if (element.name === 'parallel' || states.length === 0) return undefined;
	const [initial] = named(element, 'initial').flatMap((each) => named(each, 'transition'));
	if (initial) return readTransition(initial, reading);
	const first = states.find(({ kind }) => kind !== 'history')?.name ?? '';
	const { initial: target = first } = element.attributes;
	return readTransition({ ...element, children: [], attributes: { target } }, reading);
}

const words = (text = '') => text.split(/\s+/u).filter((word) => word !== '');

function readTransition({ attributes, children }: XmlElement, reading: Reading): Transition {
	const { event, cond, target, type } = attributes;
	return {
		events: words(event),
		condition: cond === undefined ? undefined : readExpression(cond),
		targets: words(target).map(safeName),
		isInternal: type === 'internal',
		actions: readActions(children, reading),
	};
}
