import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { createLaneMap, type LaneOfStore } from '../../../runtime/delivery/lane-map.ts';

test('a map by lane is a map from its store and its name', () => {
	const part = fc.constantFrom('a', 'b', 'a b', '');
	const lane: fc.Arbitrary<LaneOfStore> = fc
		.tuple(part, fc.option(part, { nil: undefined }))
		.map(([storeId, name]) => (name === undefined ? { storeId } : { storeId, lane: name }));
	const step = fc.tuple(fc.constantFrom('set', 'delete', 'clear'), lane, fc.nat(9));
	const nameOf = ({ storeId, lane: name = '' }: LaneOfStore) => JSON.stringify([storeId, name]);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 40 }), lane, (steps, asked) => {
			const [lanes, model] = [createLaneMap<number>(), new Map<string, number>()];
			for (const [what, of, value] of steps) {
				if (what === 'clear') lanes.clear();
				else if (what === 'delete') lanes.delete(of);
				else lanes.set(of, value);
				if (what === 'clear') model.clear();
				else if (what === 'delete') model.delete(nameOf(of));
				else model.set(nameOf(of), value);
				assert.equal(lanes.size, model.size);
				assert.equal(lanes.get(asked), model.get(nameOf(asked)));
			}
		}),
	);
});
