/**
 * The cases that are not run, or not in every form, with the reasons; `docs/actors.md` has the same
 * table. The spec finds the names itself and compares, so the lists are always true.
 *
 * @module
 */

/** Cases that are not run for one reason. */
export interface Refusal {
	/** What the cases need. */
	readonly what: string;
	/** Where there is no word for it, or another meaning. */
	readonly by: 'all forms' | 'XState' | 'YAML';
	readonly why: string;
	/** Names of cases; those of the W3C by their numbers. */
	readonly cases: string;
}

/** The reasons, by the names that the converter has for them. */
export const refusals: Readonly<Record<string, Refusal>> = {
	invoke: {
		what: '`invoke` of another machine',
		by: 'all forms',
		why: 'an actor invokes steps and nothing else; it reaches another actor by `send`',
		cases:
			'187, 191, 192, 207, 215, 216, 220, 223, 224, 225, 226, 228, 229, 230, 232, 233, 234, 235, ' +
			'236, 237, 239, 240, 241, 242, 243, 244, 245, 247, 250, 252, 253, 276, 338, 347, 422, 530, ' +
			'554',
	},
	'other targets': {
		what: '`send` to another session, or to none',
		by: 'all forms',
		why: 'an actor reaches others by messages, which have outcomes instead of errors as events',
		cases: '159, 173, 190, 194, 350, 376, 378, 496, 501, 521',
	},
	'other processors': {
		what: '`send` by another event processor, such as HTTP',
		by: 'all forms',
		why: 'a request is a step',
		cases: '174, 199, 201, 336',
	},
	'system variables': {
		what: 'system variables, but for the name and data of the event',
		by: 'all forms',
		why: 'a machine knows no session, no processors and no sender',
		cases:
			'198, 319, 321, 322, 323, 324, 325, 326, 329, 331, 332, 333, 335, 337, 339, 346, 349, ' +
			'351, 352, 500, 569',
	},
	'error events': {
		what: 'errors as events (`error.execution`)',
		by: 'all forms',
		why: 'XState has none: an error that is thrown ends its machine, and here it fails its turn',
		cases: '152, 156, 277, 286, 309, 311, 312, 313, 314, 344, 401, 402, 457, 487, 488, 528',
	},
	'undefined variables': {
		what: 'errors as events, of variables that are not there',
		by: 'XState',
		why: 'the same',
		cases: '294, 298, 343, 553',
	},
	ECMAScript: {
		what: 'functions, classes and malformed expressions of ECMAScript',
		by: 'all forms',
		why: 'the converter of the spec reads expressions and assignments only',
		cases:
			'assign/assign_invalid, data/data_invalid, error/error, script-src/test3, 303-1, 303-2, ' +
			'330, 444, 446, 452, 453, 459, 557, 561',
	},
	'late binding': {
		what: 'variables that are there only from the entry of a state on',
		by: 'all forms',
		why: 'a context is made at the start',
		cases: '280, 307',
	},
	'data in files': {
		what: 'variables whose values are files',
		by: 'all forms',
		why: 'to read a file is a step',
		cases: '552, 558',
	},
	'actions of history': {
		what: 'actions of the default transition of a history state',
		by: 'all forms',
		why: 'history states of XState have only a target',
		cases: '579',
	},
	'order of wildcards': {
		what: '`*` before other events of a state',
		by: 'XState',
		why: 'XState takes the longest match first, not the first in the document',
		cases: 'scxml-prefix-event-name-matching/star0',
	},
	'In() of states being entered or left': {
		what: '`In()` in an entry or exit action',
		by: 'XState',
		why: 'XState looks at the states from before the transition',
		cases: '409, 411',
	},
	'loops in YAML': {
		what: '`foreach`',
		by: 'YAML',
		why: 'actions have no loops; a program has `enqueueActions`',
		cases: 'foreach/test1, 150, 151, 153, 155, 460, 525',
	},
	'if among actions in YAML': {
		what: '`if` among actions',
		by: 'YAML',
		why: 'only transitions have conditions; a program has `enqueueActions`',
		cases: 'if-else/test0, 147, 148, 149',
	},
	'In() in YAML': {
		what: '`In()` in a condition',
		by: 'YAML',
		why: 'expressions do not know which states are active; a program has `stateIn`',
		cases: 'in/TestInPredicate, 310, 413, 436, 451, 580',
	},
	'several targets in YAML': {
		what: 'a transition with several targets',
		by: 'YAML',
		why: 'a target is one state',
		cases: 'history/history4b, more-parallel/test9, 364, 576',
	},
	'computed ids in YAML': {
		what: '`cancel` of an id that is computed',
		by: 'YAML',
		why: 'the id is constant text',
		cases: '210',
	},
};

/** The names of the cases of a row. */
export function namesIn({ cases }: Refusal): readonly string[] {
	return cases.split(', ').map((name) => (/^\d/u.test(name) ? `w3c-ecma/test${name}` : name));
}

/** A row as the guide has it. */
export function rowOf({ what, by, why, cases }: Refusal): string {
	return `| ${what} | ${by} | ${why} | ${cases} |`;
}
