/**
 * A transport as a child of the tree, and the context that it works in.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import type {
	NodeApi,
	TransportContext,
	TransportDefinition,
} from '../../runtime/network/transport.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { serviceChild } from '../otp/service-child.ts';

/** What the transports of this node work with. */
export function transportContext(
	services: Pick<
		NodeServices,
		'clock' | 'config' | 'isSafe' | 'listener' | 'network' | 'node' | 'ownership' | 'signals'
	>,
	api: NodeApi,
): TransportContext {
	const { node, config, clock, signals, network, listener, isSafe, ownership } = services;
	return {
		isSafe,
		claim: ownership.claims,
		node,
		config,
		clock,
		signals,
		listener,
		api,
		// It names the store, which may get another identity.
		get will() {
			return network.will;
		},
	};
}

/** Makes the child that runs one transport. */
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
