import assert from 'node:assert/strict';
import test from 'node:test';
import { runCampaign } from './campaign.ts';
import { ways } from './way-table.ts';

/** More than in the long run: two processes that share a processor make each other slower. */
const stopMsMax = 1000;

for (const way of ways) {
	test(`${way.name}: no input crashes the node, stops it, costs a good message, or stays`, async () => {
		const { finding } = await runCampaign({
			way,
			seed: 1,
			first: 1,
			goesOn: (number) => number <= way.short,
			stopMsMax,
		});
		assert.equal(finding, undefined);
	});
}
