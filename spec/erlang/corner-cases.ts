/**
 * All scenarios that are written by hand.
 *
 * @module
 */
import { callCases } from './call-cases.ts';
import { changeCases } from './change-cases.ts';
import { limitCases } from './limit-cases.ts';
import { linkCases } from './link-cases.ts';
import { poolCases } from './pool-cases.ts';
import { restartCases } from './restart-cases.ts';
import type { Scenario } from './scenario.ts';
import { stopCases } from './stop-cases.ts';

/** The scenarios, numbered from 1. */
export const cornerCases: readonly Scenario[] = [
	...limitCases,
	...restartCases,
	...stopCases,
	...poolCases,
	...callCases,
	...changeCases,
	...linkCases,
].map((story, at) => ({ ...story, id: at + 1 }));
