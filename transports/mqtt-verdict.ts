/**
 * What a broker made of a publication, as its answer tells.
 *
 * @module
 */
import type { Verdict } from '../runtime/wire.ts';

/** Reason codes of the MQTT 5.0 specification, section 2.4. */
export const reason = { nobody: 0x10, unsupportedVersion: 0x84, tooLarge: 0x95 } as const;

/** The verdict on one publication, from the error or the PUBACK that answered it. */
export function verdictOf(error: unknown, packet: unknown): Verdict {
	const source = error ?? packet;
	const isCoded = typeof source === 'object' && source !== null;
	const code =
		isCoded && 'code' in source
			? source.code
			: isCoded && 'reasonCode' in source
				? source.reasonCode
				: 0;
	if (code === reason.nobody) return 'nobody';
	if (code === reason.tooLarge) return 'too_large';
	return error ? 'refused' : 'taken';
}
