import assert from 'node:assert/strict';
import test from 'node:test';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { yamlDefinitionOf } from '../../support/yaml-definitions.ts';

const library = yamlDefinitionOf(`
actor: library
version: 1
events:
  DO: { what: string, 'n?': number }
  TICK:
  LATER:
context: { total: 0, where: =node, who: =key, seen: null, at: null }
answersLater: [LATER]
delays: { soon: =context.total * 1000 }
actions:
  say:
    - publish: { topic: 'a/\${key}', data: 'it is \${context.total}, $\${so}' }
  count:
    - assign: { total: '=context.total + (has(event.n) ? event.n : 1)' }
on:
  DO:
    - if: event.what == "send"
      do: [{ send: { method: SINK, key: k, data: { to: '\${context.who}' } } }]
    - if: event.what == "actor"
      do: [{ send: { actor: SINK, event: { type: HI, n: =context.total } } }]
    - { if: event.what == "publish", do: [say] }
    - if: event.what == "alert"
      do: [{ alert: { severity: warning, text: '\${context.where}' } }]
    - { if: event.what == "log", do: [{ log: { total: =context.total } }] }
    - { if: event.what == "count", do: [count, { reply: =context.total }] }
    - { if: event.what == "now", do: [{ assign: { at: =now } }] }
    - { if: event.what == "ask", do: [{ ask: { id: load, method: SINK, timeout: 5s } }] }
    - { if: event.what == "raise", do: [{ raise: { event: TICK, after: 10s, id: tick } }] }
    - { if: event.what == "cancel", do: [{ cancel: tick }] }
    - { if: event.what == "answer", do: [{ answer: late }] }
    - { if: event.what == "wait", target: .waiting }
    - { if: event.what == "defer", target: .busy }
  TICK: { do: [{ assign: { seen: tick } }] }
  LATER: { do: [say] }
  timeout.load: { do: [{ assign: { seen: =event.type } }] }
initial: idle
states:
  idle: {}
  waiting: { after: { soon: { target: idle, do: [{ assign: { seen: soon } }] } } }
  busy: { defer: [TICK], after: { 3s: idle } }
`);

test('a condition that is neither true nor false is an error of its actor, and no transition', async (t) => {
	const door = yamlDefinitionOf(`
actor: door
version: 1
events: { SET: { to: any }, GO: }
context: { flag: null }
on: { SET: { do: [{ assign: { flag: =event.to } }] } }
initial: shut
states: { shut: { on: { GO: { if: context.flag, target: open } } }, open: {} }
`);
	for (const [to, state] of [
		['yes', 'shut'],
		[1, 'shut'],
		[null, 'shut'],
		[false, 'shut'],
		[true, 'open'],
	] as const) {
		const node = await startActorNode(t, { actors: [door] });
		await node.send('door', { type: 'SET', to });
		await node.idle('door');
		await node.send('door', 'GO');
		for (let round = 0; round < 12; round += 1) {
			await node.journal.commit([]);
			await node.clock.advance(1000);
		}
		assert.equal(node.stored('door')?.state.value, state, String(to));
		const isWrong = typeof to !== 'boolean';
		assert.equal(node.seen('instance.failed').length > 0, isWrong, String(to));
		await node.stop();
	}
});

test('every action does what its description says, with the guarantees of every actor', async (t) => {
	const node = await startActorNode(t, { actors: [library] });
	const tell = async (what: string, more: object = {}) => {
		const id = await node.send('library', { type: 'DO', what, ...more }, { key: 'kitchen' });
		await node.idle('library');
		return node.ledger.get(id)?.output;
	};
	assert.equal(await tell('count'), '1');
	assert.equal(await tell('count', { n: 2 }), '3');
	await tell('send');
	await tell('actor');
	assert.deepEqual(
		node.sunk().filter((text) => text.startsWith('{')),
		['{"to":"kitchen"}', '{"type":"HI","n":3}'],
	);
	await tell('publish');
	assert.deepEqual(node.published, ['a/kitchen it is 3, ${so}']);
	await tell('alert');
	assert.equal(node.seen('alert.raised')[0]?.text, 'ship1');
	await tell('log');
	assert.equal(node.seen('console.printed')[0]?.text, '{"total":3}');
	await tell('now');
	const now = node.clock.now();
	const context = () => node.stored('library', 'kitchen')?.state.context as Record<string, unknown>;
	assert.equal(context()['at'], now);
	await node.stop();
});

test('timers of YAML definitions, raised and computed ones, survive a crash; a cancelled one does not fire', async (t) => {
	let node = await startActorNode(t, { actors: [library] });
	const tell = async (what: string, more: object = {}) => {
		await node.send('library', { type: 'DO', what, ...more });
		await node.idle('library');
	};
	const seen = () => seenBy(node);
	await tell('raise');
	await tell('cancel');
	await node.clock.advance(11_000);
	assert.equal(seen(), null);
	await tell('raise');
	node = await node.crash();
	await node.clock.advance(11_000);
	await node.until(() => seen() === 'tick');
	await tell('count', { n: 2 });
	await tell('wait');
	node = await node.crash();
	await node.clock.advance(1900);
	assert.equal(seen(), 'tick');
	await node.clock.advance(200);
	await node.until(() => seen() === 'soon');
	await tell('ask');
	await node.clock.advance(5100);
	await node.until(() => seen() === 'timeout.load');
	await node.stop();
});

test('a deferred event waits for the next state', async (t) => {
	const node = await startActorNode(t, { actors: [library] });
	await node.send('library', { type: 'DO', what: 'defer' });
	await node.send('library', { type: 'TICK' });
	await node.until(() => node.stored('library')?.state.value === 'busy');
	await node.clock.advance(3100);
	await node.idle('library');
	assert.equal(seenBy(node), 'tick');
	await node.stop();
});

test('an event whose fields are not as declared is refused and changes nothing', async (t) => {
	const node = await startActorNode(t, { actors: [library] });
	const outcome = async (event: object) => {
		const id = await node.send('library', event);
		await node.idle('library');
		const { outcome: how, code, detail } = node.ledger.get(id)?.result ?? {};
		return `${how} ${code}: ${detail}`;
	};
	assert.match(
		await outcome({ type: 'DO' }),
		/failed bad_arguments: DO has no what, which is a string/,
	);
	const wrong = { type: 'DO', what: 'count', n: 'three' };
	assert.match(await outcome(wrong), /the n of DO is a string, not a number/);
	assert.equal(node.stored('library')?.turn ?? 0, 0);
	await node.stop();
});

/** What an instance without a key has seen last. */
function seenBy(node: ActorNode): unknown {
	return Reflect.get(Object(node.stored('library')?.state.context), 'seen');
}

const first = `
actor: door
version: 1
context: { n: 0, old: yes }
initial: open
states:
  open: { on: { PUSH: { target: shut, do: [{ assign: { n: =context.n + 1 } }] } } }
  shut: { on: { PUSH: open } }
`;
const second = `
actor: door
version: 2
context: { pushes: 0, colour: red }
migrate:
  1:
    states: { open: ajar, shut: closed.locked }
    context: { pushes: =context.n }
initial: ajar
states:
  ajar: { on: { PUSH: closed } }
  closed:
    initial: locked
    states: { locked: {}, loose: {} }
    on: { PUSH: { target: ajar, do: [{ assign: { pushes: =context.pushes + 1 } }] } }
`;

test('instances migrate to the next version of a YAML definition, with new names and fields', async (t) => {
	let node = await startActorNode(t, { actors: [yamlDefinitionOf(first)] });
	await node.send('door', 'PUSH');
	await node.idle('door');
	node = await node.restart([yamlDefinitionOf(second)]);
	await node.send('door', 'PUSH');
	await node.idle('door');
	const { version, state } = node.stored('door') ?? {};
	assert.deepEqual(
		[version, state?.value, state?.context],
		[2, 'ajar', { pushes: 2, colour: 'red' }],
	);
	await node.stop();
});

test('a migration beyond the version is refused at its place', () => {
	assert.throws(
		() => yamlDefinitionOf(second.replace('version: 2', 'version: 1')),
		/:6:3: 1 leads beyond version 1/,
	);
});
