/**
 * Spelling: finds the known word that a misspelt one may stand for.
 *
 * @module
 */

/** A longer word is misspelt by more than a few letters. Comparing takes as long as both words. */
const lengthMax = 128;

/** The known word nearest to `word`, undefined if none is near. Case is ignored. */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
	if (word.length > lengthMax) return undefined;
	let nearest: string | undefined;
	let least = Math.max(1, Math.floor(word.length * 0.4)) + 1;
	for (const candidate of known) {
		const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
		if (distance < least) [nearest, least] = [candidate, distance];
	}
	return nearest;
}

/** How many letters must be added, removed or replaced: Levenshtein's distance. */
function editDistance(from: string, to: string): number {
	let above = Array.from({ length: to.length + 1 }, (_, at) => at);
	for (let row = 1; row <= from.length; row += 1) {
		const current = [row];
		for (let column = 1; column <= to.length; column += 1) {
			const isSame = from[row - 1] === to[column - 1];
			const replaced = (above[column - 1] ?? 0) + (isSame ? 0 : 1);
			const removed = (above[column] ?? 0) + 1;
			const added = (current[column - 1] ?? 0) + 1;
			current.push(Math.min(replaced, removed, added));
		}
		above = current;
	}
	return above[to.length] ?? 0;
}
