import assert from 'node:assert/strict';
import test from 'node:test';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';
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
  timeout.load: { do: [{ assign: { seen: =event.type } }] }
initial: idle
states:
  idle: {}
  waiting: { after: { soon: { target: idle, do: [{ assign: { seen: soon } }] } } }
  busy: { defer: [TICK], after: { 3s: idle } }
`);

test('every action does what its description says, with the guarantees of every actor', async (t) => {
	const stage = await setActorStage(t, { actors: [library] });
	const tell = async (what: string, more: object = {}) => {
		const id = await stage.send('library', { type: 'DO', what, ...more }, { key: 'kitchen' });
		await stage.idle('library');
		return stage.ledger.get(id)?.output;
	};
	assert.equal(await tell('count'), '1');
	assert.equal(await tell('count', { n: 2 }), '3');
	await tell('send');
	await tell('actor');
	assert.deepEqual(
		stage.sunk().filter((text) => text.startsWith('{')),
		['{"to":"kitchen"}', '{"type":"HI","n":3}'],
	);
	await tell('publish');
	assert.deepEqual(stage.published, ['a/kitchen it is 3, ${so}']);
	await tell('alert');
	assert.equal(stage.seen('alert.raised')[0]?.text, 'ship1');
	await tell('log');
	assert.equal(stage.seen('console.printed')[0]?.text, '{"total":3}');
	await tell('now');
	const now = stage.clock.now();
	const context = () =>
		stage.stored('library', 'kitchen')?.state.context as Record<string, unknown>;
	assert.equal(context()['at'], now);
	await stage.stop();
});

test('timers of YAML definitions, raised and computed ones, survive a crash; a cancelled one does not fire', async (t) => {
	let stage = await setActorStage(t, { actors: [library] });
	const tell = async (what: string, more: object = {}) => {
		await stage.send('library', { type: 'DO', what, ...more });
		await stage.idle('library');
	};
	const seen = () => seenBy(stage);
	await tell('raise');
	await tell('cancel');
	await stage.clock.advance(11_000);
	assert.equal(seen(), null);
	await tell('raise');
	stage = await stage.crash();
	await stage.clock.advance(11_000);
	await stage.until(() => seen() === 'tick');
	await tell('count', { n: 2 });
	await tell('wait');
	stage = await stage.crash();
	await stage.clock.advance(1900);
	assert.equal(seen(), 'tick');
	await stage.clock.advance(200);
	await stage.until(() => seen() === 'soon');
	await tell('ask');
	await stage.clock.advance(5100);
	await stage.until(() => seen() === 'timeout.load');
	await stage.stop();
});

test('a deferred event waits for the next state', async (t) => {
	const stage = await setActorStage(t, { actors: [library] });
	await stage.send('library', { type: 'DO', what: 'defer' });
	await stage.send('library', { type: 'TICK' });
	await stage.until(() => stage.stored('library')?.state.value === 'busy');
	await stage.clock.advance(3100);
	await stage.idle('library');
	assert.equal(seenBy(stage), 'tick');
	await stage.stop();
});

test('an event whose fields are not as declared is refused and changes nothing', async (t) => {
	const stage = await setActorStage(t, { actors: [library] });
	const outcome = async (event: object) => {
		const id = await stage.send('library', event);
		await stage.idle('library');
		const { outcome: how, code, detail } = stage.ledger.get(id)?.result ?? {};
		return `${how} ${code}: ${detail}`;
	};
	assert.match(
		await outcome({ type: 'DO' }),
		/failed bad_arguments: DO has no what, which is a string/,
	);
	const wrong = { type: 'DO', what: 'count', n: 'three' };
	assert.match(await outcome(wrong), /the n of DO is a string, not a number/);
	assert.equal(stage.stored('library')?.turn ?? 0, 0);
	await stage.stop();
});

/** What an instance without a key has seen last. */
function seenBy(stage: ActorStage): unknown {
	return Reflect.get(Object(stage.stored('library')?.state.context), 'seen');
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
	let stage = await setActorStage(t, { actors: [yamlDefinitionOf(first)] });
	await stage.send('door', 'PUSH');
	await stage.idle('door');
	stage = await stage.restart([yamlDefinitionOf(second)]);
	await stage.send('door', 'PUSH');
	await stage.idle('door');
	const { version, state } = stage.stored('door') ?? {};
	assert.deepEqual(
		[version, state?.value, state?.context],
		[2, 'ajar', { pushes: 2, colour: 'red' }],
	);
	await stage.stop();
});

test('a migration beyond the version is refused at its place', () => {
	assert.throws(
		() => yamlDefinitionOf(second.replace('version: 2', 'version: 1')),
		/:6:3: 1 leads beyond version 1/,
	);
});
