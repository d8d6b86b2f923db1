/**
 * SCXML documents as plain trees.
 *
 * This file is the door to \@xmldom/xmldom.
 *
 * @module
 */
import { DOMParser, type Element, type Node } from '@xmldom/xmldom';

/** An element of a document. */
export interface XmlElement {
	/** Without the prefix of its namespace. */
	readonly name: string;
	readonly attributes: Readonly<Record<string, string>>;
	readonly children: readonly XmlElement[];
	/** Its own text, without that of its children. */
	readonly text: string;
}

/** Parses a document and returns its outermost element; throws if it is malformed. */
export function parseXml(text: string): XmlElement {
	const parser = new DOMParser({ onError: (_level, message) => fail(message) });
	// Some files begin with an empty line, before which no declaration may stand.
	const { documentElement } = parser.parseFromString(text.trimStart(), 'text/xml');
	return documentElement ? treeOf(documentElement) : fail('it is empty');
}

function fail(message: string): never {
	throw new Error(`not a document: ${message}`);
}

function treeOf(element: Element): XmlElement {
	const nodes: readonly Node[] = [...element.childNodes];
	const attributes = [...element.attributes].map(({ name, value }) => [name, value] as const);
	return {
		name: element.localName ?? element.nodeName,
		attributes: Object.fromEntries(attributes),
		children: nodes.filter((node) => node.nodeType === 1).map((node) => treeOf(node as Element)),
		text: nodes
			.filter(({ nodeType }) => nodeType === 3 || nodeType === 4)
			.map(({ nodeValue }) => nodeValue ?? '')
			.join(''),
	};
}
