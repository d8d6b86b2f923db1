import assert from 'node:assert/strict';
import test from 'node:test';
import { matchesFilter } from '../../../runtime/message/topic-filter.ts';

/** Cases of the MQTT 5.0 specification, section 4.7. */
const cases: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
	['a/b', 'a/b', true],
	['a/b', 'a/b/c', false],
	['a/b', 'a', false],
	['a/+', 'a/b', true],
	['a/+', 'a', false],
	['a/+', 'a/', true],
	['+/+', '/a', true],
	['+', '/a', false],
	['a/#', 'a', true],
	['a/#', 'a/b/c', true],
	['#', 'a/b', true],
	['#', '$SYS/x', false],
	['+/x', '$SYS/x', false],
	['$SYS/#', '$SYS/x', true],
	['a/+/c', 'a/b/c', true],
	['a/+/c', 'a/b/d', false],
];

for (const [filter, topic, matches] of cases) {
	test(`the filter ${filter} ${matches ? 'means' : 'does not mean'} the topic ${topic}`, () => {
		assert.equal(matchesFilter(filter, topic), matches);
	});
}
