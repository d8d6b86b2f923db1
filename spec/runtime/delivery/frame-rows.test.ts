import assert from 'node:assert/strict';
import test from 'node:test';
import { answeredBy } from '../../../runtime/message/message.ts';
import { frameVersion, type Frame } from '../../../runtime/protocol/frame.ts';
import { openRows } from '../../../runtime/delivery/frame-rows.ts';
import { createAuthority } from '../../../runtime/security/authority.ts';
import { createPermit } from '../../../runtime/security/permit.ts';
import { builtInMethods } from '../../support/composed-node.ts';
import { messageOf, rowOf } from '../../support/messages.ts';

/** The permit of a node that signs, and has sent these messages to these nodes. */
function permitOf(sent: Readonly<Record<string, string>>) {
	const config = { signing: 'on', centralNodeName: 'central', nodeName: 'ship1' } as const;
	const find = (name: string) => builtInMethods.find(name);
	const authority = createAuthority({ config, access: undefined, keyring: undefined, find });
	const sentRequest = (id: string) => (sent[id] ? { toNode: sent[id] } : undefined);
	return createPermit({ config, access: undefined, authority, sentRequest });
}

function frameOf(from: string): Frame {
	return { from, rows: [], v: frameVersion, storeId: 's', epoch: 1, lo: 1, first: 1 };
}

function opened(fields: Parameters<typeof messageOf>[0], sent: Readonly<Record<string, string>>) {
	const from = 'ship2';
	const reply = messageOf({ id: 'r', fromNode: from, method: 'REQNone', ...fields });
	const row = rowOf('r', reply);
	const frame: Frame = { ...frameOf(from), rows: [row] };
	const rows = openRows({ frame, method: 'REQNone', isProven: true, permit: permitOf(sent) });
	return { fault: rows.fault(row), reason: rows.reason(row), message: rows.get(row), rows, row };
}

const shared = {
	result: { outcome: 'done' },
	inReplyTo: 'm1',
	alsoInReplyTo: ['m2', 'm3'],
} as const;

test('a shared outcome tells of what its sender was asked, and of nothing else', () => {
	const { fault, message } = opened(shared, { m1: 'ship3', m2: 'ship2', m3: 'ship2' });
	assert.equal(fault, undefined);
	assert.deepEqual(message && answeredBy(message), ['m2', 'm3']);
});

test('a shared outcome of what others were asked is refused, and not heard', () => {
	const { fault, reason, rows, row } = opened(shared, { m1: 'ship3', m2: 'ship3', m3: 'ship3' });
	assert.equal(fault, 'not_allowed');
	assert.equal(reason, 'ship2 answers what another node was asked');
	assert.deepEqual(rows.heard([row]), []);
});

test('a list of messages that is none makes a message that cannot be read', () => {
	const { fault } = opened({ ...shared, alsoInReplyTo: [1] as never }, { m1: 'ship2' });
	assert.equal(fault, 'bad_frame');
});

test('a message whose permission cannot be decided is refused with a code and a reason', () => {
	const body = messageOf({ id: 'r', fromNode: 'ship2', method: 'REQPing' });
	const row = rowOf('r', body);
	const permit = {
		told: () => [],
		rule() {
			throw new TypeError('not iterable');
		},
	};
	const frame: Frame = { ...frameOf('ship2'), rows: [row] };
	const rows = openRows({ frame, method: 'REQPing', isProven: true, permit });
	assert.equal(rows.fault(row), 'internal');
	assert.equal(rows.reason(row), 'not iterable');
});
