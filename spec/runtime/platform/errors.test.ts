import assert from 'node:assert/strict';
import test from 'node:test';
import {
	asReeveError,
	errorTable,
	exitCodes,
	isErrorCode,
	ReeveError,
	reasonOf,
} from '../../../runtime/platform/errors.ts';

test('every row tells what happened, what to do, and an exit code that the help lists', () => {
	const codes = new Set<number>(Object.values(exitCodes));
	for (const [code, row] of Object.entries(errorTable)) {
		assert.match(code, /^[a-z]+(?:_[a-z]+)*$/);
		assert.match(row.meaning, /[^.]$/, `${code}: no full stop`);
		assert.ok(row.hint.length > 0, code);
		assert.ok(codes.has(row.exitCode), code);
	}
});

test('an error carries its code, what was particular, and its cause', () => {
	const cause = new Error('EIO');
	const error = new ReeveError('storage_failed', 'data.mdb', { cause });
	assert.equal(error.message, 'the journal cannot be written: data.mdb');
	assert.equal(error.code, 'storage_failed');
	assert.equal(error.detail, 'data.mdb');
	assert.equal(error.cause, cause);
	assert.equal(error.name, 'ReeveError');
	assert.equal(new ReeveError('fenced').message, errorTable.fenced.meaning);
});

test('a code that came over a wire is checked against the rows, not against what objects inherit', () => {
	assert.ok(isErrorCode('expired'));
	for (const text of ['', 'constructor', '__proto__', 'toString', 'skipped', 'EXPIRED']) {
		assert.ok(!isErrorCode(text), text);
	}
});

test('anything that is thrown becomes an operational error, and one that is one stays itself', () => {
	const own = new ReeveError('expired');
	assert.equal(asReeveError(own, 'internal'), own);
	const wrapped = asReeveError(new TypeError('x is not a function'), 'method_crashed');
	assert.equal(wrapped.code, 'method_crashed');
	assert.equal(wrapped.detail, 'x is not a function');
	assert.ok(wrapped.cause instanceof TypeError);
	for (const thrown of ['text', undefined, null, 5, true]) {
		assert.equal(asReeveError(thrown).code, 'internal');
		assert.equal(asReeveError(thrown).detail, String(thrown));
	}
});

test('what cannot even be made a text becomes an operational error too', () => {
	const bare: unknown = Object.create(null);
	const hostile = {
		toString() {
			throw new Error('no text');
		},
	};
	for (const thrown of [bare, hostile, Symbol('s')]) {
		assert.equal(asReeveError(thrown, 'method_crashed').code, 'method_crashed');
	}
});

test('the reason of what was thrown is always a text, whatever was thrown', () => {
	const shut = Object.defineProperty(new Error('x'), 'message', {
		get() {
			throw new Error('no');
		},
	});
	for (const thrown of [
		shut,
		Object.create(null),
		new Proxy({}, { getPrototypeOf: () => shut.message as never }),
	]) {
		assert.equal(reasonOf(thrown), 'something without a text was thrown');
	}
	assert.equal(reasonOf(new Error('half \ud800')), 'half \ufffd');
});
