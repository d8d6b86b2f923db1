/**
 * The invariants of delivery, supervision and durable actors, by number. Each has one test in the
 * parts of the suite beside this file, titled with its number and its sentence.
 *
 * @module
 */

/** `I1`, `I2` and so on. */
export const invariantCases: readonly string[] = Array.from(
	{ length: 56 },
	(_, at) => `I${at + 1}`,
);
