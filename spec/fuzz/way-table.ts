/**
 * All ways in. A further one is a further row.
 *
 * @module
 */
import type { Way } from './way.ts';
import { brokerWay } from './ways/broker-bytes.ts';
import { commandLineWay } from './ways/command-lines.ts';
import { readFolderWay, startupFolderWay } from './ways/folders.ts';
import { httpWay } from './ways/http-requests.ts';
import { tcpWay, unixSocketWay } from './ways/json-sockets.ts';
import { nodeWays } from './ways/node-topics.ts';
import { publicWays } from './ways/public-topics.ts';
import { textWays } from './ways/texts.ts';

/** The ways, in the order in which they are tried. */
export const ways: readonly Way[] = [
	unixSocketWay,
	tcpWay,
	httpWay,
	readFolderWay,
	startupFolderWay,
	...publicWays,
	...nodeWays,
	brokerWay,
	...textWays,
	commandLineWay,
];
