/**
 * Threads of a program that is run from its source.
 *
 * @module
 */

/**
 * Options of a thread: they register tsx in it if one of these files is TypeScript, because tsx
 * registers itself in the main thread only. Without tsx the thread loads what Node.js itself can
 * load.
 */
export function loaderOf(...files: readonly string[]): { readonly execArgv: string[] } | undefined {
	if (!files.some((path) => path.endsWith('.ts'))) return undefined;
	try {
		const code = ['cjs', 'esm']
			.map((kind) => JSON.stringify(import.meta.resolve(`tsx/${kind}/api`)))
			.map((api, index) => `import { register as r${index} } from ${api}; r${index}();`)
			.join('');
		return { execArgv: ['--import', `data:text/javascript,${encodeURIComponent(code)}`] };
	} catch {
		// tsx is not installed.
		return undefined;
	}
}
