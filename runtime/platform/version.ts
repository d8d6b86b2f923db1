/**
 * The version of reeve, as `package.json` has it; the tidy test compares the two.
 *
 * @module
 */

/** The version, in semantic versioning. */
export const version = '0.1.0';
