/**
 * The fingerprint of the machine that a node runs on. The store keeps it, so that a node notices
 * when its data folder was moved, restored or cloned to another machine.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where Linux keeps the identity of an installation; machine-id(5). It outlives reboots. */
const identityFiles = ['/etc/machine-id', '/var/lib/dbus/machine-id'] as const;

/** What a fingerprint is made from; specs replace all of it. */
export interface HostParts {
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** The text of a file; undefined if there is none that can be read. */
	readonly read?: (path: string) => string | undefined;
	readonly name?: () => string;
}

/**
 * The fingerprint of this machine, the same after a reboot. `REEVE_HOST_FINGERPRINT` overrides it,
 * for images whose machines all share one machine-id, and for specs with several hosts on one
 * machine.
 *
 * The machine-id is hashed, because it must not leave its machine (machine-id(5)), and the
 * fingerprint is published with the birth. Without a machine-id the host's name stands for
 * it: in a container that is usually the container's, so a new container counts as another machine,
 * which costs a claim of the name and nothing else.
 */
export function hostFingerprint(parts: HostParts): string {
	const { environment, read = readText, name = hostname } = parts;
	const given = environment['REEVE_HOST_FINGERPRINT'];
	if (given) return given;
	for (const path of identityFiles) {
		const id = read(path)?.trim();
		if (id) return digest(`machine ${id}`);
	}
	return digest(`name ${name()}`);
}

function digest(text: string): string {
	return createHash('sha256').update(`reeve ${text}`).digest('hex').slice(0, 32);
}

function readText(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
