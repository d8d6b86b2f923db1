import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { systemdUnit } from '../../../../transports/cli/templates/systemd-unit.ts';
import { missing } from '../../../support/broker.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const parts = { command: [process.execPath, '/a b/main.js'], configFolder: '/etc/reeve' };
const unit = (isConfined: boolean) => systemdUnit({ ...parts, stopTimeout: 5, isConfined });

test('a confined node and its commands gain no privileges, and write only their own folders', () => {
	const confined = unit(true);
	for (const line of [
		'User=reeve',
		'NoNewPrivileges=yes',
		'CapabilityBoundingSet=',
		'ProtectSystem=strict',
		'ReadWritePaths=/etc/reeve',
		'ProtectHome=yes',
		'RestrictSUIDSGID=yes',
	]) {
		assert.ok(confined.includes(`\n${line}\n`), line);
	}
	assert.ok(!/^MemoryDenyWriteExecute/m.test(confined), 'JavaScript is compiled while it runs');
	assert.match(unit(false), /^NoNewPrivileges=no$/m);
	assert.match(unit(false), /--confined/, 'it says what else can be had');
});

test('what has left the group of its command ends with the unit, confined or not', () => {
	for (const isConfined of [true, false]) {
		assert.match(unit(isConfined), /^KillMode=mixed$/m);
		assert.match(unit(isConfined), /^SendSIGKILL=yes$/m);
		assert.match(unit(isConfined), /^UMask=0077$/m);
	}
});

test('systemd understands every line of the unit', { skip: missing('systemd-analyze') }, (t) => {
	for (const isConfined of [true, false]) {
		const path = join(temporaryFolder(t), 'reeve.service');
		writeFileSync(path, unit(isConfined));
		const { stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
		const about = stderr.split('\n').filter((line) => line.includes('reeve.service:'));
		assert.deepEqual(about, []);
	}
});
