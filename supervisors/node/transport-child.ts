/**
 * A transport as a child of the tree, and the context that it works in.
 *
 * @module
 */
import type { Ground } from '../composition/node-services.ts';
import type {
	Door,
	TransportContext,
	TransportDefinition,
} from '../../runtime/network/transport.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { serviceChild } from '../otp/service-child.ts';

export function transportContext(ground: Ground, door: Door): TransportContext {
	const { node, config, clock, signals, exchange, isSafe, ownership } = ground;
	const { listener } = exchange;
	return {
		isSafe,
		claim: ownership.claims,
		node,
		config,
		clock,
		signals,
		listener,
		door,
		// It names the store, which may get another identity.
		get will() {
			return exchange.will;
		},
	};
}

export function transportChild(
	transport: TransportDefinition,
	context: TransportContext,
): ChildSpec {
	return {
		id: transport.name,
		start: serviceChild({
			start: () => transport.start(context),
			describe: ({ address }) => ({ state: address }),
		}),
	};
}
